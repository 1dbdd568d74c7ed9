// bbc node: one peer, connected with the others.

import type { DataValue } from '../../ir/index.ts';
import type { DataFolder } from '../../runtime/host/node.ts';
import { UsageError } from '../context.ts';
import { command } from '../frame.ts';
import type { PeerData } from '../run/components.ts';

interface Options {
  readonly peer?: string;
  readonly listen?: readonly string[];
  readonly dial?: readonly string[];
  readonly topology?: string;
  readonly tokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly inputs?: readonly string[];
  readonly random?: string;
  readonly dim?: readonly string[];
  readonly outputs?: string;
  readonly data?: string;
  readonly flows?: string;
  readonly readyTimeout: string;
  readonly giveUp?: string;
  readonly network: string;
  readonly block?: readonly string[];
  readonly allow?: readonly string[];
  readonly backend?: string;
  readonly opt: string;
  readonly workers?: string;
  readonly log: string;
  readonly metrics?: string;
  readonly controlled?: boolean;
}

const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

const EXIT_STATUS = `
A peer that is in several classes runs a program for each: name the bundles of all of them.

Where flows start at this peer, it waits until everybody is ready, runs --flows of them (default 1) and leaves.
Every other peer takes part in flows until it is told to stop, or until --flows of them have ended.

It prints, a line each: "ready peer=ID listening=ADDRESS" when it takes connections, "connected PEER",
"disconnected PEER: WHY", "flow ID complete|partial|failed". With --json these go to stderr.

With --data the peer is the same when it is started again, after a crash too: its state is there, flows go on that have
not ended, and --flows counts those before.

SIGINT and SIGTERM let open flows end for 5 s; a second one does not. Ctrl-\\ (SIGQUIT) prints what flows wait for.

Exit status: 0 done, or told to stop with nothing left to do; 1 a flow did not come out complete, or a peer is
lost; 2 wrong usage; 3 a bug of ours; 130 or 143 cut short by SIGINT or SIGTERM.`;

export const node = command<Options>({
  usage: 'node <bundles...>',
  summary: 'run one peer, connected with the others by WebSockets',
  options: (c) =>
    c
      .option('--peer <id>', 'which member of its class this is; not needed for the only one')
      .option(
        '-l, --listen <address...>',
        'where to take connections: ws://HOST:PORT, wss://…, /ip4/…/tcp/…/ws; port 0 is any that is free',
        collect,
      )
      .option('-d, --dial <[peer=]address...>', 'where other peers are', collect)
      .option(
        '--topology <topology.json>',
        'take the data of this peer from there, and addresses that are not given',
      )
      .option('--token-file <file>', 'what all peers know and nobody else does; or in BBC_TOKEN')
      .option('--tls-cert <file>', 'certificate of this peer (PEM)')
      .option('--tls-key <file>', 'its key')
      .option('--tls-ca <file>', 'authority for the others’ certificates, each naming its peer')
      .option('-i, --inputs <[name=]file>', 'tensors that enter here; repeatable', collect)
      .option('--random <seed>', 'make up the inputs that are not given')
      .option('--dim <name=size>', 'size of a dimension of made-up inputs; repeatable', collect)
      .option('-o, --outputs <file>', 'tensors that leave here, written after each flow')
      .option('--data <folder>', 'keep there what the peer comes back from when it is started again')
      .option('--flows <n>', 'how many flows to start, or to take part in')
      .option('--ready-timeout <duration>', 'how long to wait for all peers before a flow', '30s')
      .option(
        '--give-up <duration>',
        'how long a peer may be away, or never (default: the longest deadline between the two)',
      )
      .option(
        '--network <how>',
        'adaptive: what a peer has not acknowledged is sent again; plain: frames leave once',
        'adaptive',
      )
      .option('--block <peer...>', 'take nothing from these peers; repeatable', collect)
      .option('--allow <peer...>', 'never shut these peers out, whatever they send; repeatable', collect)
      .option('--backend <name>', 'ort (ONNX Runtime) or cpu (default: what the manifest says)')
      .option('--opt <level>', 'ONNX Runtime’s graph optimizations: disabled, basic or all', 'all')
      .option(
        '--workers <n>',
        'threads for ONNX Runtime’s sessions, at most (default: one per core); 0: on the calling thread',
      )
      .option('--log <format>', 'what happens while it runs: pretty, or json (one object a line)', 'pretty')
      .option(
        '--metrics <[host:]port>',
        'answer HTTP there: /metrics for Prometheus, /waiting; port 0 is any that is free',
      )
      .option('--json', 'print what was done as one JSON document')
      .addOption(c.createOption('--controlled', 'by the parent process').hideHelp())
      .addHelpText('after', EXIT_STATUS),
  examples: [
    'bbc node dist/server --listen ws://127.0.0.1:7000',
    'bbc node dist/phone --dial server=ws://127.0.0.1:7000 --inputs image.npz',
    'bbc node dist/server dist/phone --peer ann --listen ws://127.0.0.1:7000',
    'bbc node dist/server --listen wss://0.0.0.0:7000 --token-file token --tls-cert s.pem --tls-key s.key',
  ],
  async run(cx, folders, options) {
    const [{ countOf, optimizationOf, workersOf }, node, { loadBundles }, { Backends }] = await Promise.all([
      import('../run/options.ts'),
      import('../node/options.ts'),
      import('../../runtime/host/node-bundle.ts'),
      import('../run/backends.ts'),
    ]);
    const readyTimeoutNs = node.durationOf('--ready-timeout', options.readyTimeout);
    const giveUpNs =
      options.giveUp === undefined
        ? undefined
        : options.giveUp === 'never'
          ? Number.POSITIVE_INFINITY
          : node.durationOf('--give-up', options.giveUp);
    const flows = options.flows === undefined ? undefined : countOf('--flows', options.flows, 1);
    const optimization = optimizationOf(options.opt);
    const metrics = options.metrics === undefined ? undefined : node.metricsPlaceOf(options.metrics);
    const log = node.logFormatOf(options.log);
    const bundle = await loadBundles(folders);
    const { manifest } = bundle;
    const peer = node.peerOf(manifest, options.peer);
    const network = node.policyOf(options, manifest);
    const token = node.tokenOf(options.tokenFile, cx.env);
    const backends = new Backends(options.backend, { optimization, ...workersOf(options.workers) });
    const backend = backends.of(manifest);
    let data: PeerData | undefined;
    let kept: DataFolder | undefined;
    try {
      const { openPeerData } = await import('../run/components.ts');
      data = await openPeerData(cx, [{ id: peer, bundle }], options.topology);
      const components = data.of(peer);
      if (options.controlled) {
        const { runControlled } = await import('../node/controlled.ts');
        const settings = { peer, bundle, backend, token, readyTimeoutNs };
        return await runControlled({ ...settings, components });
      }
      const tls = node.tlsOf(options);
      const { listen, dial } = node.placesOf(cx, manifest, peer, options);
      if (listen.length === 0 && dial.length === 0 && node.hasNeighbours(manifest, peer))
        throw new UsageError('give --listen, --dial or --topology: this peer exchanges values with others');
      const { inputsAt } = await import('../run/inputs.ts');
      const inputs = Object.fromEntries(inputsAt(manifest.inputs, options));
      const { writeTensors, checkFormat } = await import('../tensors/files.ts');
      if (options.outputs !== undefined) checkFormat(options.outputs);
      const onOutputs = (outputs: ReadonlyMap<string, DataValue>): void => {
        if (options.outputs !== undefined) writeTensors(options.outputs, outputs);
      };
      if (options.data !== undefined) {
        const { DataFolder } = await import('../../runtime/host/node.ts');
        const { deployment } = manifest;
        kept = await DataFolder.open(options.data, { peer, deployment, incarnation: Date.now() });
      }
      const { serve } = await import('../node/serve.ts');
      const served = await serve(cx, {
        peer,
        incarnation: kept?.incarnation ?? Date.now(),
        data: kept,
        bundle,
        backend,
        components,
        token,
        tls,
        listen,
        dial,
        inputs,
        flows,
        readyTimeoutNs,
        giveUpNs,
        network,
        log,
        metrics,
        onOutputs,
      });
      const { documentOf } = await import('../node/report.ts');
      cx.result(documentOf(peer, served));
      if (served.signal !== undefined) cx.interrupted(served.signal);
    } finally {
      await kept?.close();
      await data?.close();
      await backends.close();
    }
  },
});
