// A deployment with a process for each peer: `bbc node` as children of this one, connected by WebSockets on loopback,
// with a token that nobody else knows.

import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DiagnosticError, diagnostic, type Manifest, programsOf } from '../../ir/index.ts';
import { Coordinator, type Deployment, neighboursOf, type RemotePeer } from '../../runtime/host/index.ts';
import { peersOf } from '../../runtime/host/node-bundle.ts';
import type { CommandContext } from '../context.ts';
import type { FromPeer, ToPeer } from '../node/protocol.ts';
import { POINTER } from '../output.ts';
import type { Prepared } from './deployment.ts';

/** How long a process may take to end after it was told to. */
const END_MS = 10_000;

interface Child {
  readonly id: string;
  readonly manifest: Manifest;
  readonly process: ChildProcess;
  /** The next message of a kind. Rejects with DiagnosticError BB768 if the process ends first. */
  heard<Kind extends FromPeer['kind']>(kind: Kind): Promise<Extract<FromPeer, { kind: Kind }>>;
  readonly listening: Promise<string>;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
}

interface PeerSettings {
  readonly optimization: string;
  readonly workers?: number;
  /** For every peer; undefined: what its manifest says. */
  readonly backend?: string | undefined;
  /** Where their data is bound. */
  readonly topology: string | undefined;
  /** The command line that they run. Default: this one. */
  readonly main?: string;
}

const OWN_MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

/** Rejects with DiagnosticError BB768 if a process ends before everybody is ready. */
export async function startProcesses(
  cx: CommandContext,
  { deployment, folder }: Prepared,
  settings: PeerSettings,
): Promise<Deployment> {
  const token = randomBytes(32).toString('hex');
  let coordinator: Coordinator | undefined;
  let closing = false;
  const { programs } = deployment.plan;
  const children = peersOf(deployment).map(({ id, bundle: { manifest } }) => {
    const folders = programsOf(manifest).map(({ program }) => path.join(folder, programs[program]!.folder));
    const process = startProcess(id, folders, token, settings);
    const events = (message: FromPeer): void => {
      if (message.kind === 'event') coordinator?.note(id, message.event);
    };
    process.on('message', events);
    return watch(id, manifest, process, (status) => {
      if (closing) return;
      cx.report([diagnostic('BB768', { peer: id, status })]);
      coordinator?.gone(id);
    });
  });
  coordinator = new Coordinator(children.map(remote));
  const close = coordinator.close.bind(coordinator);
  const closeAll = async (): Promise<void> => {
    closing = true;
    await close();
  };
  try {
    const addresses = Object.fromEntries(
      await Promise.all(children.map(async ({ id, listening }) => [id, await listening] as const)),
    );
    for (const child of children) tell(child, { kind: 'dial', peers: dialledBy(child, addresses) });
    await Promise.all(children.map(({ ready }) => ready));
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    invoke: (values, invocation) => coordinator.invoke(values, invocation),
    state: () => coordinator.state(),
    overhead: () => coordinator.overhead(),
    waiting: () => coordinator.waiting(),
    arm: (values, onFlow) => coordinator.arm(values, onFlow),
    serve: (enough) => coordinator.serve(enough),
    restore: (states) => coordinator.restore(states),
    close: closeAll,
  };
}

function startProcess(
  peer: string,
  bundles: readonly string[],
  token: string,
  { optimization, workers, backend, topology, main = OWN_MAIN }: PeerSettings,
): ChildProcess {
  const threads = workers === undefined ? [] : ['--workers', String(workers)];
  const chosen = backend === undefined ? [] : ['--backend', backend];
  const bound = topology === undefined ? [] : ['--topology', topology];
  const settings = ['--opt', optimization, ...threads, ...chosen, ...bound];
  return fork(main, ['node', ...bundles, '--peer', peer, ...settings, '--controlled'], {
    // Tensors as they are, not as JSON.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, BBC_TOKEN: token },
  });
}

function watch(id: string, manifest: Manifest, child: ChildProcess, onEnd: (status: string) => void): Child {
  // What a peer says to people, with its name before it.
  createInterface({ input: child.stderr! }).on('line', (line) => {
    // This process points to the explanation itself.
    if (!line.startsWith(POINTER)) process.stderr.write(`${id}: ${line}\n`);
  });
  const heard = <Kind extends FromPeer['kind']>(kind: Kind): Promise<Extract<FromPeer, { kind: Kind }>> =>
    new Promise((resolve, reject) => {
      const hear = (message: FromPeer): void => {
        if (message.kind !== kind) return;
        child.off('message', hear).off('exit', fail);
        resolve(message as Extract<FromPeer, { kind: Kind }>);
      };
      const fail = (code: number | null, signal: NodeJS.Signals | null): void => {
        const status = signal === null ? `exit status ${code}` : `killed by ${signal}`;
        reject(new DiagnosticError(diagnostic('BB768', { peer: id, status })));
      };
      child.on('message', hear).once('exit', fail);
    });
  const listening = heard('listening').then(({ address }) => address);
  const ready = heard('ready').then(() => {});
  // Whoever waits for them hears of the end; after that nobody does.
  listening.catch(() => {});
  ready.catch(() => {});
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      onEnd(signal === null ? `exit status ${code}` : `killed by ${signal}`);
      resolve();
    });
  });
  return {
    id,
    manifest,
    process: child,
    heard,
    listening,
    ready,
    ended,
  };
}

/** Of two peers that exchange values, the one with the smaller id dials. */
function dialledBy({ id, manifest }: Child, addresses: Readonly<Record<string, string>>) {
  const others = neighboursOf(manifest, id).filter((peer) => id < peer);
  return Object.fromEntries(others.map((peer) => [peer, addresses[peer]!]));
}

const tell = ({ process: child }: Child, message: ToPeer): void => {
  if (child.connected) child.send(message, () => {});
};

/** What is there when the child has done all that it was told before. */
async function stateOf(child: Child) {
  const answer = child.heard('state');
  tell(child, { kind: 'tell-state' });
  return (await answer).state;
}

const remote = (child: Child): RemotePeer => ({
  id: child.id,
  manifest: child.manifest,
  invoke: (entry, values, request, { flows, from }) =>
    tell(child, { kind: 'invoke', entry, values, request, continuation: { flows, from } }),
  state: () => stateOf(child),
  begin: () => tell(child, { kind: 'begin' }),
  async restore(state) {
    tell(child, { kind: 'restore', state });
    await stateOf(child);
  },
  async overhead() {
    const answer = child.heard('overhead');
    tell(child, { kind: 'tell-overhead' });
    return (await answer).overhead;
  },
  async waiting() {
    const answer = child.heard('waiting');
    tell(child, { kind: 'tell-waiting' });
    return (await answer).waiting;
  },
  supply: (flow, values) => tell(child, { kind: 'supply', flow, values }),
  lose: (peer) => tell(child, { kind: 'lose', peer }),
  async close() {
    tell(child, { kind: 'close' });
    const timer = setTimeout(() => child.process.kill('SIGKILL'), END_MS);
    await child.ended;
    clearTimeout(timer);
  },
});
