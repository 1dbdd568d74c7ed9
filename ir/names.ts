// Names that files and programs share: operator domains, metadata keys. Minted here and nowhere else.

/** Operator domains of ours. */
export const DOMAIN = {
  wire: 'ai.bytesandbrains.wire',
  core: 'ai.bytesandbrains.core',
  segment: 'ai.bytesandbrains.segment',
} as const;

/** Version of our operator domains in opset_import. */
export const DOMAIN_VERSION = 1;

/** Keys of metadata_props of a program's ops, for the node that runs it. */
export const METADATA = {
  /** The seat that the op belongs to, where the program has several. */
  seat: 'bytesandbrains.seat',
  at: 'bytesandbrains.at',
  fragment: 'bytesandbrains.fragment',
} as const;

/** Keys of metadata_props on nodes, graphs and models that no node reads. */
export const COMPILER_METADATA = {
  place: 'bytesandbrains.place',
  scope: 'bytesandbrains.scope',
  private: 'bytesandbrains.private',
  /** Of an input: the host draws it. */
  entropy: 'bytesandbrains.entropy',
  declassified: 'bytesandbrains.declassified',
  declassifiedGradient: 'bytesandbrains.declassified_gradient',
  recompute: 'bytesandbrains.recompute',
  gradients: 'bytesandbrains.gradients',
  trainingStep: 'bytesandbrains.training_step',
} as const;

/** Op types of the wire domain. */
export const WIRE = { send: 'Send', recv: 'Recv', collect: 'Collect' } as const;

/** Op types of the core domain. */
export const CORE = {
  invoke: 'Invoke',
  next: 'Next',
  start: 'Start',
  stateRead: 'StateRead',
  stateAssign: 'StateAssign',
  when: 'When',
  orElse: 'OrElse',
  present: 'Present',
  reason: 'Reason',
  broadcast: 'Broadcast',
  scatter: 'Scatter',
  collect: 'Collect',
  exchange: 'Exchange',
  view: 'View',
  self: 'Self',
  union: 'Union',
  intersect: 'Intersect',
  without: 'Without',
  positions: 'Positions',
  first: 'First',
  digest: 'Digest',
  flow: 'Flow',
} as const;

export const isOurDomain = (domain: string): boolean => domain.startsWith('ai.bytesandbrains.');

/** Opset that authored modules get when no imported model says otherwise, and the highest ONNX Runtime takes. */
export const DEFAULT_OPSET = 21;
export const NEWEST_RUNNABLE_OPSET = 26;
/** Every emitted program has at least this IR version: node metadata and function value_info need it. */
export const MIN_IR_VERSION = 10;
