// WebSockets between peers, on Node.

export { type Address, formatAddress, isLoopback, parseAddress } from './address.ts';
export type { Target } from './dialer.ts';
export type { Identity } from './handshake.ts';
export type { Tls } from './tls.ts';
export { startWebSockets, type WebSocketOptions, type WebSocketTransport } from './transport.ts';
