// Hosts on Node: deployments in folders, files as byte sources, WebSockets.

export { DataFolder, type DataFolderOptions } from './durable/data-folder.ts';
export {
  type LoadedDeployment,
  loadBundle,
  loadDeployment,
  type PeerBundle,
  peersOf,
} from './node-bundle.ts';
export { writeFolder } from './node-sink.ts';
export { type FileSource, fileSource } from './node-source.ts';
export { type Endpoint, openEndpoint } from './observe/endpoint.ts';
export * from './websocket/index.ts';
