// What the options of `bbc node` mean.

import { readFileSync } from 'node:fs';
import { parseQuantity, quantities } from '../../compiler/units.ts';
import { classesOf, DiagnosticError, diagnostic, type Manifest, type Topology } from '../../ir/index.ts';
import { type ConnectedOptions, neighboursOf } from '../../runtime/host/index.ts';
import { type Address, parseAddress, type Target, type Tls } from '../../runtime/host/node.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { readProblem } from '../load/files.ts';
import { readTopology } from '../load/topology.ts';
import type { LogFormat } from './log.ts';

/** Shorter tokens can be guessed from a handshake that somebody has overheard. */
const TOKEN_BYTES = 16;

export function addressOf(option: string, text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new UsageError(
    `${option} takes ws://HOST:PORT, wss://HOST:PORT or a multiaddr such as /ip4/127.0.0.1/tcp/7000/ws, not '${text}'`,
  );
}

/** `PEER=ADDRESS`, or an address where some peer of the deployment is. */
export function targetOf(text: string, { members }: Manifest): Target {
  const [, peer, address] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (peer !== undefined && !Object.values(members).some((ids) => ids.includes(peer))) {
    const known = Object.values(members).flat().slice(0, 10).join(', ');
    throw new UsageError(`--dial ${text}: no peer is called ${peer}; there are ${known}`);
  }
  return { peer, addresses: [addressOf('--dial', address ?? text)] };
}

/** Where a topology says that a peer listens. Throws DiagnosticError BB760. */
export function addressesOf(topology: Topology, peer: string): readonly Address[] {
  const texts = topology.peers.find(({ id }) => id === peer)?.addresses ?? [];
  return texts.map((text) => {
    const address = parseAddress(text);
    if (address !== undefined) return address;
    throw new DiagnosticError(diagnostic('BB760', { address: text }, { at: { file: topology.file } }));
  });
}

export function durationOf(option: string, text: string): number {
  const ns = parseQuantity(text, quantities.duration);
  if (ns !== undefined) return ns;
  throw new UsageError(`${option} takes a duration such as 30s or 500ms, not '${text}'`);
}

/** `[HOST:]PORT`; without a host only this machine reaches it. */
export function metricsPlaceOf(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[(.+)\]:|([^:]+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits !== undefined && port < 65_536) return { host: bracketed ?? plain ?? '127.0.0.1', port };
  throw new UsageError(`--metrics is [HOST:]PORT, such as 9464 or 0.0.0.0:9464, not '${text}'`);
}

export function logFormatOf(text: string): LogFormat {
  if (text === 'pretty' || text === 'json') return text;
  throw new UsageError(`--log is pretty or json, not '${text}'`);
}

/** `--peer`, or the only member of all the bundles' classes; whose other programs must be there. */
export function peerOf(manifest: Manifest, asked: string | undefined): string {
  const { members } = manifest;
  const classes = classesOf(manifest);
  const own = classes.join(' and ');
  const ids = members[classes[0]!]!.filter((id) => classes.every((one) => members[one]!.includes(id)));
  const found = asked ?? (ids.length === 1 ? ids[0] : undefined);
  if (found !== undefined && ids.includes(found)) {
    const others = [...manifest.edgesIn.map(({ from }) => from), ...manifest.edgesOut.map(({ to }) => to)];
    const absent = new Set(
      [...others, ...manifest.entries]
        .map((one) => one.class)
        .filter((name) => !classes.includes(name) && members[name]!.includes(found)),
    );
    if (absent.size === 0) return found;
    throw new UsageError(`${found} is of ${[...absent].join(' and ')}, too: name these bundles as well`);
  }
  const which = `${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ', …' : ''}`;
  throw new UsageError(
    asked === undefined
      ? `--peer says which of ${own}'s members this is: ${which}`
      : `${asked} is no member of ${own}: there are ${which}`,
  );
}

/** The token of `--token-file`, else of BBC_TOKEN. Throws DiagnosticError BB767, BB880. */
export function tokenOf(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Uint8Array | undefined {
  const text = file === undefined ? env.BBC_TOKEN : readOption(file).toString('utf8');
  if (text === undefined) return undefined;
  const token = Buffer.from(text.trim());
  if (token.length >= TOKEN_BYTES) return token;
  const reason = `its token has ${token.length} characters`;
  throw new DiagnosticError(diagnostic('BB767', { file: file ?? 'BBC_TOKEN', reason }));
}

export interface TlsFiles {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

export function tlsOf({ tlsCert, tlsKey, tlsCa }: TlsFiles): Tls | undefined {
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('--tls-cert and --tls-key go together');
  if (tlsCert === undefined && tlsCa === undefined) return undefined;
  return {
    ...(tlsCert && { cert: readOption(tlsCert) }),
    ...(tlsKey && { key: readOption(tlsKey) }),
    ...(tlsCa && { ca: readOption(tlsCa) }),
  };
}

function readOption(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new DiagnosticError(readProblem(file, error));
  }
}

/** Where to listen and whom to dial: as asked, else as the topology says. */
export function placesOf(
  cx: CommandContext,
  manifest: Manifest,
  peer: string,
  options: {
    readonly listen?: readonly string[];
    readonly dial?: readonly string[];
    readonly topology?: string;
  },
): { readonly listen: readonly Address[]; readonly dial: readonly Target[] } {
  const listen = (options.listen ?? []).map((text) => addressOf('--listen', text));
  const dial = (options.dial ?? []).map((text) => targetOf(text, manifest));
  if (options.topology === undefined) return { listen, dial };
  const topology = readTopology(cx, options.topology);
  const known = new Set(dial.map((target) => target.peer));
  const others = neighboursOf(manifest, peer)
    .filter((id) => !known.has(id))
    .map((id) => ({ peer: id, addresses: addressesOf(topology, id) }))
    .filter(({ addresses }) => addresses.length > 0);
  return { listen: listen.length > 0 ? listen : addressesOf(topology, peer), dial: [...dial, ...others] };
}

export const hasNeighbours = (manifest: Manifest, peer: string): boolean =>
  neighboursOf(manifest, peer).length > 0;

interface NetworkOptions {
  readonly network: string;
  readonly block?: readonly string[];
  readonly allow?: readonly string[];
}

/** Whom an adaptive network lets in; undefined: frames leave once, and come as they come. */
export function policyOf(
  { network, block = [], allow = [] }: NetworkOptions,
  { members }: Manifest,
): Pick<ConnectedOptions, 'block' | 'allow'> | undefined {
  const known = new Set(Object.values(members).flat());
  for (const peer of [...block, ...allow])
    if (!known.has(peer)) {
      const some = [...known].slice(0, 10).join(', ');
      throw new UsageError(`--block and --allow name peers: no peer is called ${peer}; there are ${some}`);
    }
  if (network === 'adaptive') return { block, allow };
  if (network !== 'plain') throw new UsageError(`--network is adaptive or plain, not '${network}'`);
  if (block.length + allow.length > 0) throw new UsageError('--block and --allow need --network adaptive');
  return undefined;
}
