// A training session as its reader follows it: a node per peer in this process, with the data that topology.json names; a
// line every few flows with loss, accuracy and what was sent; curves, if asked for.
//
//   main.ts DEPLOYMENT [--topology FILE] [--seed N] [--flows N] [--plot curves.html]

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { onnxRuntimeBackend } from 'bytesandbrains/backends/onnxruntime';
import { type FlowResult, startDeployment } from 'bytesandbrains/host';
import { loadDeployment } from 'bytesandbrains/host/node';
import type { Plan } from 'bytesandbrains/ir';
import { peersWithData } from './data.ts';
import { pageOf } from './plot.ts';

export interface Shown {
  /** What a flow is called. */
  readonly flow: string;
  /** How many flows a line is about. */
  readonly every: number;
  /** What the output `accuracy` is a share of. */
  readonly accuracy: string;
}

/** Runs the session of the example whose main.ts is at `url`. Its outputs are some of loss, right and accuracy. */
export async function runTraining(url: string, shown: Shown): Promise<void> {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      topology: { type: 'string', default: fileURLToPath(new URL('topology.json', url)) },
      seed: { type: 'string' },
      flows: { type: 'string' },
      plot: { type: 'string' },
    },
  });
  const { topology, seed, flows, plot } = options;
  const loaded = await loadDeployment(positionals[0] ?? 'deployment');
  const { peers, folder } = await peersWithData(
    loaded,
    topology,
    seed === undefined ? undefined : Number(seed),
  );
  const backend = onnxRuntimeBackend();
  const deployment = await startDeployment({ peers, backend });
  const course = new Course(shown);
  try {
    const bound = flows === undefined ? {} : { flows: Number(flows) };
    await deployment.invoke({}, { ...bound, onFlow: (result) => course.note(result) });
    console.log(course.summary());
    if (loaded.plan.edges.length > 0) console.log(course.sentAndPlanned(loaded.plan));
    if (plot !== undefined) {
      const name = path.basename(path.dirname(fileURLToPath(url)));
      writeFileSync(plot, pageOf(name, course.curves()));
    }
  } finally {
    await deployment.close();
    await backend.close();
    await folder.close();
  }
}

type Points = [flow: number, value: number][];

class Course {
  readonly #shown: Shown;
  readonly #losses: Points = [];
  readonly #accuracies: Points = [];
  readonly #sent: Points = [];
  #flows = 0;
  #sentBytes = 0;
  #messages = 0;
  #payloadBytes = 0;
  /** Since the last line. */
  #recent = { flows: 0, loss: 0, right: 0, sentBytes: 0 };

  constructor(shown: Shown) {
    this.#shown = shown;
  }

  note(result: FlowResult): void {
    const flow = ++this.#flows;
    const sentBytes = Object.values(result.peers).reduce((sum, one) => sum + one.sentBytes, 0);
    this.#sentBytes += sentBytes;
    this.#messages += result.messages.length;
    this.#payloadBytes += result.messages.reduce((sum, one) => sum + one.payloadBytes, 0);
    this.#sent.push([flow, this.#sentBytes / 2 ** 20]);
    const [loss, right, accuracy] = ['loss', 'right', 'accuracy'].map((name) => numberOf(result, name));
    if (loss !== undefined) this.#losses.push([flow, loss]);
    const recent = this.#recent;
    this.#recent = {
      flows: recent.flows + 1,
      loss: recent.loss + (loss ?? 0),
      right: recent.right + (right ?? 0),
      sentBytes: recent.sentBytes + sentBytes,
    };
    const { every } = this.#shown;
    // Where it is not looked at in each flow, the last one stands.
    const isNew = accuracy !== undefined && (every === 1 || accuracy !== (this.#accuracies.at(-1)?.[1] ?? 0));
    if (isNew) this.#accuracies.push([flow, accuracy]);
    if (!isNew && this.#recent.flows < every) return;
    this.#print(loss !== undefined, right !== undefined, isNew ? accuracy : undefined);
  }

  #print(hasLoss: boolean, hasRight: boolean, accuracy: number | undefined): void {
    const { flows, loss, right, sentBytes } = this.#recent;
    this.#recent = { flows: 0, loss: 0, right: 0, sentBytes: 0 };
    const parts = [
      `${this.#shown.flow} ${this.#flows}`,
      hasLoss && `loss ${(loss / flows).toFixed(4)}`,
      hasRight && `right ${percent(right / flows)}`,
      accuracy !== undefined && `${this.#shown.accuracy}: ${percent(accuracy)}`,
      `${bytes(sentBytes)} sent`,
    ];
    console.log(parts.filter((one) => one !== false).join('  '));
  }

  summary(): string {
    const loss = this.#losses.at(-1)?.[1];
    const last = loss === undefined ? [] : [`last loss ${loss.toFixed(4)}`];
    const sent = `${bytes(this.#sentBytes)} sent in ${this.#messages} messages`;
    return [`${this.#flows} ${this.#shown.flow}s`, ...last, sent].join(', ');
  }

  /** In all flows, and what the plan said of each before they ran. */
  sentAndPlanned({ traffic }: Plan): string {
    const { total, messages } = traffic!;
    const most = messages.some(({ mayDecline }) => mayDecline) ? 'at most ' : '';
    const planned = `${total.messages} messages with ${most}${total.payloadBytes}`;
    return `${this.#payloadBytes} bytes of values; planned for each ${this.#shown.flow}: ${planned}`;
  }

  curves() {
    return [
      { name: 'loss', points: this.#losses },
      { name: this.#shown.accuracy, points: this.#accuracies },
      { name: 'MiB sent', points: this.#sentBytes === 0 ? [] : this.#sent },
    ].filter(({ points }) => points.length > 0);
  }
}

/** A float32 scalar; undefined if the module has no such output. */
function numberOf({ outputs, causes }: FlowResult, name: string): number | undefined {
  const value = outputs[name];
  if (value === undefined) return undefined;
  if (!('bytes' in value)) throw new Error(`no ${name}: ${JSON.stringify(causes)}`);
  return new DataView(value.bytes.buffer, value.bytes.byteOffset).getFloat32(0, true);
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const bytes = (count: number): string =>
  count < 2 ** 20 ? `${(count / 1024).toFixed(0)} KiB` : `${(count / 2 ** 20).toFixed(1)} MiB`;
