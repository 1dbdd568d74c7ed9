// Words that records need not spell out. Their position is their number in files: only ever add at the end.

export const words: readonly string[] = [
  // Inputs and outputs.
  ...['type', 'frame', 'from', 'bytes', 'owned', 'invoke', 'entry', 'values', 'request', 'flows', 'step'],
  ...['arguments', 'supply', 'flow', 'restore', 'state', 'done', 'work', 'outputs', 'suspect', 'failed'],
  ...['message', 'notFinite', 'cancel', 'why', 'lost', 'peer', 'found', 'shutdown', 'send', 'to', 'pieces'],
  ...['envelope', 'segment', 'inputs', 'call', 'component', 'method', 'options', 'results', 'release'],
  ...['buffer', 'event', 'idle', 'until', 'kind', 'name', 'value', 'input', 'output', 'now', 'at'],
  // Flow ids.
  ...['initiated', 'initiator', 'incarnation', 'counter', 'joint', 'class', 'view', 'n', 'session', 'seat'],
  // Values.
  ...['dtype', 'dims', 'shape', 'reason', 'edge', 'detail', 'sequence', 'optional', 'sparse', 'indices'],
  ...['float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint64', 'uint32'],
  ...['uint16', 'uint8', 'bool', 'string', 'declined', 'timeout', 'refused', 'cancelled'],
  // Events.
  ...['flow-started', 'flow-refused', 'input-wanted', 'flow-ended', 'status', 'complete', 'partial'],
  ...['causes', 'missing', 'ops', 'followers', 'session-paused', 'quorum-missed', 'collect', 'arrived'],
  ...['needed', 'known', 'late-answer', 'kept', 'dropped', 'unreported', 'late', 'duplicate', 'limit'],
];
