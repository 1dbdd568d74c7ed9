// Runs one peer among others: starts flows if they start here, else takes part in those of others, until it is done,
// told to stop, or alone.

import {
  beginsHere,
  CORE,
  type DataValue,
  type Diagnostic,
  DiagnosticError,
  DOMAIN,
  diagnostic,
  type Manifest,
} from '../../ir/index.ts';
import type { LoadedBundle } from '../../runtime/bundle.ts';
import type { BufferPool } from '../../runtime/host/buffer-pool.ts';
import {
  type ConnectedOptions,
  connectedNetwork,
  isSecret,
  type Overhead,
  type PeerEvent,
  type PeerHost,
  startPeer,
  type TransportUser,
} from '../../runtime/host/index.ts';
import {
  type Address,
  type DataFolder,
  type Endpoint,
  formatAddress,
  openEndpoint,
  startWebSockets,
  type Target,
  type Tls,
  type WebSocketTransport,
} from '../../runtime/host/node.ts';
import { causeText } from '../../runtime/host/observe/cause-text.ts';
import { metricsOf } from '../../runtime/host/observe/metrics.ts';
import { PROMETHEUS_TYPE, prometheusText } from '../../runtime/host/observe/prometheus.ts';
import { type Backend, type Components, flowKey } from '../../runtime/index.ts';
import { isMissing } from '../../runtime/value.ts';

import type { CommandContext } from '../context.ts';
import { WAITING_SIGNALS } from '../waiting.ts';
import { identityOf } from './identity.ts';
import { type LogFormat, NodeLog } from './log.ts';

export interface ServeOptions {
  readonly peer: string;
  /** Higher than at any earlier start of the peer. */
  readonly incarnation: number;
  /** What it comes back from after a crash. */
  readonly data: DataFolder | undefined;
  readonly bundle: LoadedBundle;
  readonly backend: Backend;
  readonly components: Components;
  readonly token: Uint8Array | undefined;
  readonly tls: Tls | undefined;
  readonly listen: readonly Address[];
  readonly dial: readonly Target[];
  /** Of this peer. */
  readonly inputs: Readonly<Record<string, DataValue>>;
  /** How many flows to start, or to take part in; undefined: until somebody says stop. */
  readonly flows: number | undefined;
  readonly readyTimeoutNs: number;
  /** undefined: as long as the longest deadline between the two. */
  readonly giveUpNs: number | undefined;
  /** What its node does about links as they are, and who gets in; undefined: frames leave once. */
  readonly network: Pick<ConnectedOptions, 'block' | 'allow'> | undefined;
  readonly log: LogFormat;
  /** Where to answer HTTP. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** What came out of a flow here. */
  onOutputs(outputs: ReadonlyMap<string, DataValue>): void;
}

type FlowEnd = Extract<PeerEvent, { kind: 'flow-ended' }>;
type Signal = 'SIGINT' | 'SIGTERM';

/** How long a signal leaves to flows that are open. */
const GRACE_MS = 5000;

export interface Served {
  readonly flows: Readonly<Record<FlowEnd['status'], number>>;
  /** Of the last flow. */
  readonly outputs: ReadonlyMap<string, DataValue>;
  readonly ops: number;
  readonly computeMs: number;
  readonly sentMessages: number;
  readonly sentPayloadBytes: number;
  /** Headers included. */
  readonly sentBytes: number;
  readonly overhead: Readonly<Overhead>;
  /** Cut short by this signal. */
  readonly signal: Signal | undefined;
}

/** Whether flows start at this peer. */
export const isStarter = (manifest: Manifest): boolean => entryOf(manifest) !== undefined;

const entryOf = (manifest: Manifest): string | undefined =>
  manifest.entries.find((entry) => beginsHere(manifest, entry) && entry.trigger === undefined)?.name;

/** Rejects with DiagnosticError: BB763 to BB766, or what the host rejects with. */
export async function serve(cx: CommandContext, options: ServeOptions): Promise<Served> {
  const serving = new Serving(cx, options);
  return serving.run();
}

class Serving {
  readonly #cx: CommandContext;
  readonly #options: ServeOptions;
  readonly #log: NodeLog;
  /** Of flows that have not ended. */
  readonly #outputs = new Map<string, Map<string, DataValue>>();
  readonly #flows = { complete: 0, partial: 0, failed: 0 };
  readonly #account = { ops: 0, computeMs: 0, sentMessages: 0, sentPayloadBytes: 0, sentBytes: 0 };
  #last: ReadonlyMap<string, DataValue> = new Map();
  #signal: Signal | undefined;
  #cut = false;
  /** What the last failed flow failed for. */
  #failure: string | undefined;
  /** Called when a flow has ended here. */
  #onEnd: (end: FlowEnd) => void = () => {};
  #stop: (problem?: Diagnostic) => void = () => {};

  constructor(cx: CommandContext, options: ServeOptions) {
    this.#cx = cx;
    this.#options = options;
    this.#log = new NodeLog(cx, options.peer, options.log);
  }

  async run(): Promise<Served> {
    const stopped = new Promise<Diagnostic | undefined>((resolve) => {
      this.#stop = resolve;
    });
    const { peer, bundle, backend, components, giveUpNs, network, incarnation, data } = this.#options;
    let transport: WebSocketTransport | undefined;
    const host = await startPeer({
      peer,
      bundle,
      backend,
      components,
      incarnation,
      ...(giveUpNs === undefined ? {} : { giveUpNs }),
      ...(network && {
        network: connectedNetwork(bundle.manifest, { ...network, giveUpNs, components }),
      }),
      ...(data === undefined ? {} : { durability: data }),
      connect: async (user, pool) => {
        transport = await this.#connect(user, pool);
        return transport;
      },
      onEvent: (event, from) => this.#note(event, from),
    });
    const unhook = this.#hookSignals(host);
    const endpoint = await this.#openEndpoint(host);
    void data?.failed.then((problem) => this.#stop(problem));
    this.#log.ready(transport!.addresses.map(formatAddress));
    try {
      const problem = await Promise.race([stopped, this.#work(host)]);
      if (problem !== undefined) throw new DiagnosticError(problem);
    } catch (error) {
      await host.close(error instanceof DiagnosticError ? error.diagnostics[0]?.message : 'an error');
      throw error;
    } finally {
      unhook();
      await endpoint?.close();
    }
    // Whoever waits for more flows hears why there are none.
    await host.close(isStarter(bundle.manifest) ? this.#failure : undefined);
    const signal = this.#cut ? this.#signal : undefined;
    const { overhead } = host;
    return { flows: this.#flows, outputs: this.#last, ...this.#account, overhead, signal };
  }

  #connect(user: TransportUser, pool: BufferPool): Promise<WebSocketTransport> {
    const { peer, bundle, token, tls, listen, dial, incarnation } = this.#options;
    const identity = identityOf(bundle.manifest, peer, incarnation, token);
    const options = { identity, listen, dial, pool };
    return startWebSockets(tls === undefined ? options : { ...options, tls }, user);
  }

  async #openEndpoint(host: PeerHost): Promise<Endpoint | undefined> {
    const { metrics } = this.#options;
    if (metrics === undefined) return undefined;
    try {
      const endpoint = await openEndpoint(metrics.host, metrics.port, {
        '/waiting': () => ({
          type: 'application/json',
          body: `${JSON.stringify({ peer: host.peer, waiting: host.waiting })}\n`,
        }),
        '/metrics': () => ({ type: PROMETHEUS_TYPE, body: prometheusText(metricsOf(host.numbers)) }),
      });
      this.#log.metrics(endpoint.url);
      return endpoint;
    } catch (error) {
      await host.close('an error');
      throw error;
    }
  }

  /** Resolves when there is nothing more to do here. */
  async #work(host: PeerHost): Promise<undefined> {
    const { flows, bundle, inputs, readyTimeoutNs } = this.#options;
    const triggered = bundle.manifest.entries.some(
      (one) => beginsHere(bundle.manifest, one) && one.trigger !== undefined && one.trigger !== 'begin',
    );
    if (triggered) {
      await host.whenReady(readyTimeoutNs);
      host.begin();
    }
    if (!isStarter(bundle.manifest)) {
      const enough = flows ?? Number.POSITIVE_INFINITY;
      if (host.calls.ended >= enough) return;
      await new Promise<void>((resolve) => {
        this.#onEnd = () => {
          if (host.calls.ended >= enough) resolve();
        };
      });
      return;
    }
    // A session is one call; its rounds go on, whoever was missing in one.
    const sessions = `${DOMAIN.core}::${CORE.next}` in bundle.manifest.ops;
    // What was under way before goes on by itself.
    if (host.calls.open > 0 && (await this.#callEnded(host)) !== 'complete') return;
    for (
      let call = host.calls.made;
      call < (sessions ? 1 : (flows ?? 1)) && this.#signal === undefined;
      call++
    ) {
      // Each time: somebody may have gone and come back since the last one.
      await host.whenReady(readyTimeoutNs);
      const ended = this.#callEnded(host);
      host.invoke(entryOf(bundle.manifest)!, inputs, call, { flows: sessions ? flows : undefined });
      if ((await ended) !== 'complete') return;
    }
  }

  /** Resolves when no flow is left that came of a call. */
  #callEnded({ calls }: PeerHost): Promise<FlowEnd['status']> {
    return new Promise((resolve) => {
      this.#onEnd = ({ status }) => {
        if (calls.open === 0) resolve(status);
      };
    });
  }

  #note(event: PeerEvent, host: PeerHost): void {
    const { giveUpNs, bundle, inputs } = this.#options;
    const lost = (peer: string, why: string): void => {
      if (giveUpNs === Number.POSITIVE_INFINITY) return;
      this.#stop(diagnostic('BB766', { peer, why, edges: edgesWith(peer, bundle.manifest) }));
    };
    this.#log.event(event);
    switch (event.kind) {
      case 'refused':
        if (event.fatal && giveUpNs !== Number.POSITIVE_INFINITY)
          this.#stop(diagnostic('BB763', { who: event.who, why: event.why }));
        return;
      case 'peer-lost':
        return lost(event.peer, `${event.why}, and it was not back within ${event.waitedNs / 1e9} s`);
      case 'peer-left':
        return event.why === undefined ? undefined : lost(event.peer, event.why);
      case 'flow-refused':
        return this.#stop(diagnostic('BB704', { why: event.why }));
      case 'input-wanted':
        return event.inputs.every(isSecret) ? undefined : host.supply(event.flow, inputs);
      default:
        return this.#noteFlow(event);
    }
  }

  #noteFlow(event: PeerEvent): void {
    switch (event.kind) {
      case 'flow-started':
        this.#outputs.set(flowKey(event.flow), new Map());
        return;
      case 'output':
        if (!isMissing(event.value)) this.#outputs.get(flowKey(event.flow))?.set(event.name, event.value);
        return;
      case 'flow-account':
        this.#account.computeMs += event.computeMs;
        for (const { payloadBytes, headerBytes } of event.messages) {
          this.#account.sentMessages++;
          this.#account.sentPayloadBytes += payloadBytes;
          this.#account.sentBytes += payloadBytes + headerBytes;
        }
        return;
      case 'flow-ended':
        return this.#endFlow(event);
    }
  }

  #endFlow(end: FlowEnd): void {
    const { flow, status, causes, ops } = end;
    const key = flowKey(flow);
    const outputs = this.#outputs.get(key) ?? new Map<string, DataValue>();
    this.#outputs.delete(key);
    this.#flows[status]++;
    this.#account.ops += ops;
    const [first, ...others] = causes.map(causeText);
    if (status !== 'complete' && !this.#cut) {
      const related = others.map((message) => ({ message }));
      const args = { flow: key, peer: this.#options.peer, cause: first ?? status };
      const problem = diagnostic('BB765', args, { related });
      this.#failure = problem.message;
      this.#cx.report([problem]);
    }
    if (outputs.size > 0) {
      this.#last = outputs;
      this.#options.onOutputs(outputs);
    }
    this.#onEnd(end);
  }

  /** The first signal lets open flows end, within bounds; a second one does not. Gives what undoes it. */
  #hookSignals(host: PeerHost): () => void {
    let timer: NodeJS.Timeout | undefined;
    const end = (): void => {
      this.#cut ||= host.openFlows > 0;
      this.#stop();
    };
    const hook = (signal: Signal): void => {
      const again = this.#signal !== undefined;
      this.#signal ??= signal;
      const { flows, bundle } = this.#options;
      // What was asked for and has not been done.
      this.#cut ||= flows !== undefined || isStarter(bundle.manifest);
      if (again || host.openFlows === 0) return end();
      this.#log.waiting(host.waiting);
      this.#onEnd = () => {
        if (host.openFlows === 0) end();
      };
      timer = setTimeout(end, GRACE_MS);
    };
    process.on('SIGINT', hook);
    process.on('SIGTERM', hook);
    const show = (): void => this.#log.waiting(host.waiting);
    for (const signal of WAITING_SIGNALS) process.on(signal, show);
    return () => {
      for (const signal of WAITING_SIGNALS) process.off(signal, show);
      clearTimeout(timer);
      process.off('SIGINT', hook);
      process.off('SIGTERM', hook);
    };
  }
}

/** `edge 3 (y, deadline 2 s)`, for all edges between a peer and this one. */
function edgesWith(peer: string, { edgesIn, edgesOut, members }: Manifest): readonly string[] {
  const between = [
    ...edgesIn.filter(({ from }) => members[from.class]?.includes(peer)),
    ...edgesOut.filter(({ to }) => members[to.class]?.includes(peer)),
  ];
  return between.map(({ id, value, deadlineNs }) => `edge ${id} (${value}, deadline ${deadlineNs / 1e9} s)`);
}
