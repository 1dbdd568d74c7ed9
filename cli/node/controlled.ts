// A peer's process under `bbc run --processes`: it does what its parent says, and tells it what happens.

import type { LoadedBundle } from '../../runtime/bundle.ts';
import { connectedNetwork, type PeerHost, startPeer } from '../../runtime/host/index.ts';
import {
  formatAddress,
  parseAddress,
  startWebSockets,
  type WebSocketTransport,
} from '../../runtime/host/node.ts';
import type { Backend, Components } from '../../runtime/index.ts';
import { WAITING_SIGNALS } from '../waiting.ts';
import { identityOf } from './identity.ts';
import type { FromPeer, ToPeer } from './protocol.ts';

export interface ControlledOptions {
  readonly peer: string;
  readonly bundle: LoadedBundle;
  readonly backend: Backend;
  readonly components: Components;
  readonly token: Uint8Array | undefined;
  readonly readyTimeoutNs: number;
}

const tell = (message: FromPeer): void => void process.send?.(message);

/** Runs until the parent says so, or is gone. */
export async function runControlled(options: ControlledOptions): Promise<void> {
  const { peer, bundle, backend, components, readyTimeoutNs } = options;
  // Ctrl-C reaches every process of the terminal: the parent decides what becomes of it.
  for (const signal of ['SIGINT', ...WAITING_SIGNALS] as const) process.on(signal, () => {});
  let transport: WebSocketTransport | undefined;
  const host = await startPeer({
    peer,
    bundle,
    backend,
    components,
    incarnation: 1,
    network: connectedNetwork(bundle.manifest, { giveUpNs: Number.POSITIVE_INFINITY, components }),
    // The parent knows whose process has ended.
    giveUpNs: Number.POSITIVE_INFINITY,
    async connect(user, pool) {
      const listen = [{ host: '127.0.0.1', port: 0, secure: false }];
      const identity = identityOf(bundle.manifest, peer, 1, options.token);
      transport = await startWebSockets({ identity, listen, pool }, user);
      return transport;
    },
    onEvent: (event) => tell({ kind: 'event', event }),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      process.once('disconnect', resolve);
      process.on('message', (message: ToPeer) => {
        if (message.kind === 'close') resolve();
        else obey(host, transport!, message);
      });
      tell({ kind: 'listening', address: formatAddress(transport!.addresses[0]!) });
      host.whenReady(readyTimeoutNs).then(() => tell({ kind: 'ready' }), reject);
    });
  } finally {
    await host.close();
    if (process.connected) process.disconnect();
  }
}

function obey(
  host: PeerHost,
  transport: WebSocketTransport,
  message: Exclude<ToPeer, { kind: 'close' }>,
): void {
  switch (message.kind) {
    case 'dial':
      for (const [peer, address] of Object.entries(message.peers))
        transport.dial({ peer, addresses: [parseAddress(address)!] });
      return;
    case 'invoke':
      return host.invoke(message.entry, message.values, message.request, message.continuation);
    case 'tell-state':
      return tell({ kind: 'state', state: host.state });
    case 'tell-overhead':
      return tell({ kind: 'overhead', overhead: host.overhead });
    case 'tell-waiting':
      return tell({ kind: 'waiting', waiting: host.waiting });
    case 'begin':
      return host.begin();
    case 'restore':
      return host.restore(message.state);
    case 'supply':
      return host.supply(message.flow, message.values);
    case 'lose':
      return host.lose(message.peer);
  }
}
