// bbc run: the whole deployment on this machine, one node per peer.

import path from 'node:path';
import { DiagnosticError, diagnostic } from '../../ir/diagnostic.ts';
import type { Plan } from '../../ir/index.ts';
import type { Deployment } from '../../runtime/host/index.ts';
import type { ChromeTrace } from '../../runtime/host/observe/chrome-trace.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { command } from '../frame.ts';
import { formatBytes } from '../output.ts';
import type { PeerData } from '../run/components.ts';
import type { Keeping, Ran, Round } from '../run/flows.ts';
import type { Planned } from '../run/traffic.ts';
import type { Verification } from '../run/verify.ts';
import type { WaitWatch } from '../waiting.ts';

interface Options {
  readonly peers?: string;
  readonly topology?: string;
  readonly inputs?: readonly string[];
  readonly random?: string;
  readonly dim?: readonly string[];
  readonly outputs?: string;
  readonly plot?: string;
  readonly trace?: string;
  readonly transport?: string;
  readonly processes?: boolean;
  readonly entry?: string;
  readonly flows?: string;
  readonly backend?: string;
  readonly opt: string;
  readonly workers?: string;
  readonly checkpoint?: string;
  readonly every?: string;
  readonly resume?: string;
  readonly verify?: boolean;
  readonly check: boolean;
}

const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

export const run = command<Options>({
  usage: 'run <source>',
  summary: 'run a model, or what was compiled from it, over its peers on this machine',
  options: (c) =>
    c
      .option('-p, --peers <topology.json>', 'peers, links and placement rules; not for a compiled folder')
      .option('--topology <topology.json>', 'of a compiled folder: take the data of its peers from there')
      .option('-i, --inputs <[name=]file>', 'tensors in: .npz, .npy, .json or .pb; repeatable', collect)
      .option('--random <seed>', 'make up the inputs that are not given')
      .option(
        '--dim <name=size>',
        'size of a dimension of made-up inputs, named or as INPUT.AXIS (default 1); repeatable',
        collect,
      )
      .option('-o, --outputs <file>', 'tensors out, in the same formats')
      .option('--plot <file.html>', 'curves of the numbers that come out, and of bytes sent, flow by flow')
      .option('--trace <file.json>', 'what every peer did when, for Perfetto or chrome://tracing')
      .option(
        '--transport <name>',
        'how nodes reach each other: inproc (in this process) or ws (a process for each peer)',
      )
      .option('--processes', 'the same as --transport ws: a process for each peer, over WebSockets')
      .option('--entry <name>', 'the entry to call, where the module has several')
      .option(
        '--flows <n>',
        'how often to run it (default: once); at most so many rounds, if it has an entry',
      )
      .option(
        '--checkpoint <file>',
        'keep what the peers have learnt in this .npz or .json, at the end or when stopped with Ctrl-C',
      )
      .option('--every <n>', 'also after every n flows')
      .option('--resume <file>', 'go on where a checkpoint was written')
      .option(
        '--backend <name>',
        'ort (ONNX Runtime) or cpu for every peer (default: what the topology says)',
      )
      .option('--opt <level>', 'ONNX Runtime’s graph optimizations: disabled, basic or all', 'all')
      .option(
        '--workers <n>',
        'threads for ONNX Runtime’s sessions, at most; 0: on the calling thread (default: one per core, none where peers take turns)',
      )
      .option('--verify', 'also run the uncut graph, and compare')
      .option('--no-check', 'do not type-check a model.ts')
      .option('--json', 'print results as one JSON document'),
  examples: [
    'bbc run model.onnx --peers topology.json --inputs image.npz --outputs result.npz',
    'bbc run model.onnx --peers topology.json --random 1 --dim N=8 --verify',
    'bbc run model.onnx --peers topology.json --random 1 --backend cpu',
    'bbc run dist --inputs x=x.pb --json',
    'bbc run dist --random 1 --processes',
    'bbc run dist --random 1 --workers 2',
    'bbc run train.ts --peers topology.json --checkpoint run.npz --every 100',
    'bbc run train.ts --peers topology.json --resume run.npz --checkpoint run.npz',
  ],
  async run(cx, [source], options) {
    const transport = transportOf(options);
    if (options.trace !== undefined && transport !== 'inproc')
      throw new UsageError('--trace shows the nodes of one process: leave --processes and --transport out');
    const [
      { countOf, optimizationOf, workersOf },
      { prepare },
      { inputsFor, valuesFor },
      { peersOf },
      { hasSessions, runFlows },
      { Backends },
    ] = await Promise.all([
      import('../run/options.ts'),
      import('../run/deployment.ts'),
      import('../run/inputs.ts'),
      import('../../runtime/host/node-bundle.ts'),
      import('../run/flows.ts'),
      import('../run/backends.ts'),
    ]);
    if (options.outputs !== undefined) {
      // Before the work, not after it.
      const { checkFormat } = await import('../tensors/files.ts');
      checkFormat(options.outputs);
    }
    const keeping = await keepingFor(cx, options);
    const flows = options.flows === undefined ? undefined : countOf('--flows', options.flows, 1);
    const optimization = optimizationOf(options.opt);
    const workers = workersOf(options.workers);
    const backends = new Backends(options.backend, { optimization, ...workers });
    const prepared = await prepare(cx, source!, options);
    let data: PeerData | undefined;
    let watch: WaitWatch | undefined;
    const trace = options.trace === undefined ? undefined : await tracing();
    try {
      const { plan } = prepared.deployment;
      if (options.verify && prepared.uncut === undefined) {
        throw new UsageError('--verify needs the uncut graph: give the model and --peers');
      }
      const inputs = inputsFor(plan, options);
      cx.progress('loading segments');
      const start = async (): Promise<Deployment> => {
        const file = options.peers ?? options.topology;
        if (transport === 'inproc') {
          const { startDeployment } = await import('../../runtime/host/index.ts');
          const { openPeerData } = await import('../run/components.ts');
          const all = peersOf(prepared.deployment);
          const opened = await openPeerData(cx, all, file);
          data = opened;
          const peers = all.map((peer) => ({
            ...peer,
            backend: backends.of(peer.bundle.manifest),
            components: opened.of(peer.id),
          }));
          const observed = trace && { observerOf: (peer: string) => trace.observerOf(peer) };
          return startDeployment({ peers, backend: peers[0]!.backend, ...observed });
        }
        const { startProcesses } = await import('../run/processes.ts');
        const settings = { optimization, ...workers, backend: options.backend, topology: file };
        return startProcesses(cx, prepared, settings);
      };
      const { WaitWatch } = await import('../waiting.ts');
      const watched = async (): Promise<Deployment> => {
        const running = await start();
        watch = new WaitWatch(cx, () => running.waiting(), keeping.save === undefined);
        return running;
      };
      const sessions = hasSessions(prepared.deployment);
      const { roundText } = await import('../run/rounds.ts');
      const ran = await runFlows(
        prepared.deployment,
        watched,
        valuesFor(plan, inputs),
        flows,
        (round) => {
          watch?.touch();
          if (round.reasons.length > 0) cx.detail({ unfinished: unfinishedOf([round]) });
          cx.progress(sessions ? roundText(round) : `flow ${round.step + 1} of ${flows ?? 1}`);
        },
        options.entry === undefined ? keeping : { ...keeping, entry: options.entry },
      );
      watch?.dispose();
      if (options.outputs !== undefined) {
        const { writeTensors } = await import('../tensors/files.ts');
        writeTensors(options.outputs, ran.outputs);
      }
      if (options.plot !== undefined) {
        const [{ plotPage }, { writeText }] = await Promise.all([
          import('../run/plot.ts'),
          import('../write.ts'),
        ]);
        writeText(options.plot, plotPage(path.basename(source!), ran.rounds));
      }
      let verification: Verification | undefined;
      if (options.verify) {
        cx.progress('running the uncut graph');
        const { compareRuns, runUncut } = await import('../run/verify.ts');
        const whole = backends.whole(
          [...prepared.deployment.bundles.values()].map(({ manifest }) => manifest),
        );
        verification = compareRuns(ran.outputs, await runUncut(whole, source!, prepared.uncut!, inputs));
      }
      const { plannedFor, sizesOf } = await import('../run/traffic.ts');
      const planned = plan.traffic && plannedFor(plan.traffic, ran.rounds.length, sizesOf(plan, inputs));
      cx.result(await document(ran, sessions, planned, verification));
      await print(cx, plan, ran, sessions, planned, verification);
      cx.report(ran.answers.warnings);
      report(cx, verification, options.opt);
    } finally {
      watch?.dispose();
      // Of a run that failed, too: there it is wanted most.
      if (trace !== undefined) await writeTrace(cx, options.trace!, trace);
      await data?.close();
      keeping.dispose?.();
      await backends.close();
      prepared.dispose();
    }
  },
});

async function tracing(): Promise<ChromeTrace> {
  const { ChromeTrace } = await import('../../runtime/host/observe/chrome-trace.ts');
  return new ChromeTrace();
}

/** Reports BB882 if it cannot be written: that is no reason to hide why a run failed. */
async function writeTrace(cx: CommandContext, file: string, trace: ChromeTrace): Promise<void> {
  const { writeText } = await import('../write.ts');
  try {
    writeText(file, trace.text());
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    cx.report(error.diagnostics);
  }
  if (trace.left > 0) cx.note(`${trace.left} spans are not in ${file}: they were too many`);
}

function transportOf({ transport, processes }: Options): 'inproc' | 'ws' {
  const name = transport ?? (processes ? 'ws' : 'inproc');
  if (['http', 'libp2p'].includes(name)) {
    throw new UsageError(`the ${name} transport is not there yet: inproc and ws are`);
  }
  if (name !== 'inproc' && name !== 'ws') throw new UsageError(`--transport is inproc or ws, not '${name}'`);
  if (processes && name === 'inproc') throw new UsageError('processes reach each other by --transport ws');
  return name;
}

/** What is resumed and what is kept, as the options say. Throws DiagnosticError BB781, BB782, BB820, BB824. */
async function keepingFor(cx: CommandContext, options: Options): Promise<Keeping> {
  const { checkpoint, every, resume } = options;
  if (every !== undefined && checkpoint === undefined)
    throw new UsageError('--every needs --checkpoint FILE, which it writes');
  if (checkpoint === undefined && resume === undefined) return { stopped: () => false };
  const [{ countOf }, { checkCheckpointName, readCheckpoint, writeCheckpoint }] = await Promise.all([
    import('../run/options.ts'),
    import('../run/checkpoint.ts'),
  ]);
  const from = resume === undefined ? undefined : readCheckpoint(resume);
  if (from !== undefined && from.arguments === undefined)
    throw new DiagnosticError(
      diagnostic(
        'BB782',
        { reason: `the session was over after ${from.step} flows` },
        { at: { file: resume! } },
      ),
    );
  const common = from === undefined ? {} : { resume: from };
  if (checkpoint === undefined) return { ...common, stopped: () => false };
  checkCheckpointName(checkpoint);
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    cx.interrupted('SIGINT');
  };
  process.once('SIGINT', stop);
  return {
    dispose: () => void process.off('SIGINT', stop),
    ...common,
    ...(every !== undefined && { every: countOf('--every', every, 1) }),
    save: (one) => writeCheckpoint(checkpoint, one),
    stopped: () => stopped,
  };
}

/** Flows that are not complete, and why. */
const unfinishedOf = (rounds: readonly Round[]) =>
  rounds
    .filter(({ status }) => status !== 'complete')
    .map(({ step, status, reasons }) => ({ step, status, reasons }));

async function document(
  ran: Ran,
  sessions: boolean,
  planned: Planned | undefined,
  verify: Verification | undefined,
) {
  const [{ documentOfOutput }, { sentInAll }] = await Promise.all([
    import('../run/outputs.ts'),
    import('../run/traffic.ts'),
  ]);
  const outputs = Object.fromEntries([...ran.outputs].map(([name, one]) => [name, documentOfOutput(one)]));
  const { rounds, peers, links, overhead, answers } = ran;
  return {
    outputs,
    flows: rounds.length,
    ...(sessions && { rounds, late: answers.late }),
    unfinished: unfinishedOf(rounds),
    peers,
    traffic: { planned: planned ?? null, sent: sentInAll(links), links, overhead },
    ...(verify && { verify }),
  };
}

async function print(
  cx: CommandContext,
  plan: Plan,
  ran: Ran,
  sessions: boolean,
  planned: Planned | undefined,
  verification: Verification | undefined,
): Promise<void> {
  const [
    { printEdges },
    { sha256Of, typeTextOf },
    { lateText },
    { plannedText, resentText, sentInAll, sentText },
  ] = await Promise.all([
    import('../plan.ts'),
    import('../run/outputs.ts'),
    import('../run/answers.ts'),
    import('../run/traffic.ts'),
  ]);
  const right = (title: string) => ({ title, align: 'right' }) as const;
  cx.printTable(
    [
      'peer',
      right('ops'),
      right('compute ms'),
      right('messages'),
      right('sent'),
      right('messages'),
      right('received'),
    ],
    Object.entries(ran.peers).map(([name, one]) => [
      name,
      one.ops,
      one.computeMs.toFixed(1),
      one.sentMessages,
      formatBytes(one.sentBytes),
      one.receivedMessages,
      formatBytes(one.receivedBytes),
    ]),
  );
  cx.print();
  if (plan.edges.length > 0) {
    printEdges(cx, plan.edges);
    cx.print();
  }
  if (sessions) {
    const { printRounds } = await import('../run/rounds.ts');
    printRounds(cx, ran.rounds);
  }
  cx.printTable(
    ['output', 'type', 'sha256'],
    [...ran.outputs].map(([name, one]) => [name, typeTextOf(one), sha256Of(one).slice(0, 16)]),
  );
  cx.print();
  const flows = ran.rounds.length;
  cx.print(`${flows} ${flows === 1 ? 'flow' : 'flows'} in ${ran.elapsedMs.toFixed(1)} ms`);
  if (plan.edges.length > 0) {
    cx.print(`sent: ${sentText(sentInAll(ran.links))}`);
    if (planned !== undefined) cx.print(`planned: ${plannedText(planned)}`);
    const resent = resentText(ran.overhead);
    if (resent !== undefined) cx.print(`sent again, since a connection broke: ${resent}`);
  }
  const late = lateText(ran.answers.late);
  if (late !== undefined) cx.print(late);
  if (verification !== undefined) cx.print(verdict(verification));
}

function verdict({ bitEqual, maxAbsDiff, maxAbs }: Verification): string {
  if (bitEqual) return 'verified: bit-equal to the uncut graph';
  if (maxAbsDiff === null) return 'not verified: types or shapes differ from the uncut graph';
  const relative = maxAbs === 0 ? '' : ` (${(maxAbsDiff / maxAbs).toExponential(1)} of the largest)`;
  return `verified: differs from the uncut graph by at most ${maxAbsDiff.toExponential(1)}${relative}`;
}

/** Without optimizations a cut changes no bit; with them, only types and shapes are certain. */
function report(cx: CommandContext, verification: Verification | undefined, level: string): void {
  if (verification === undefined || verification.bitEqual) return;
  const { maxAbsDiff } = verification;
  if (level === 'disabled' || maxAbsDiff === null) {
    cx.report([
      diagnostic('BB835', { difference: maxAbsDiff === null ? 'in type or shape' : `by ${maxAbsDiff}` }),
    ]);
  }
}
