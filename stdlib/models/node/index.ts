// Models in processes of their own.

export { type ProcessModel, type ProcessModelOptions, processModel } from './process.ts';
