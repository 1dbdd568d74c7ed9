// ONNX Runtime on Node: `onnxRuntimeBackend()` runs segments and whole models in worker threads.

export {
  type LoadedModel,
  type LoadModelOptions,
  type OnnxRuntimeBackend,
  type OnnxRuntimeOptions,
  onnxRuntimeBackend,
} from './backend.ts';
export { WorkerLost } from './lane.ts';
export type { Optimization, SessionPort, SessionPorts } from './protocol.ts';
