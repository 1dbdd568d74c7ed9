// Runs the built package: `npm test` builds first. A cohort that never reaches its quorum: told with place and counts, in one
// process and in many, whether the run goes on without it or not. And late answers, from the author's line on.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import {
  cohort,
  collect,
  entry,
  float32,
  gradient,
  input,
  module,
  next,
  on,
  output,
  peer,
} from '../../dsl/index.ts';
import { DiagnosticError, type Tensor } from '../../ir/index.ts';
import { type FlowResult, startDeployment } from '../../runtime/host/index.ts';
import type { Backend, NodeEvent } from '../../runtime/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { builtBbc } from '../support/built-bbc.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, plain, recorded } from '../support/deploy.ts';
import { projectRoot } from '../support/root.ts';

const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'quorum-')));
mkdirSync(path.join(folder, 'node_modules'));
symlinkSync(projectRoot, path.join(folder, 'node_modules/bytesandbrains'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);

write(
  'topology.json',
  '{ "version": 1, "classes": { "server": { "backend": "cpu" }, "phone": { "count": 3, "backend": "cpu" } } }',
);
// Only phones whose x is below 2 answer: two of three.
const rounds = (answer: string): string => `
import { cohort, constant, entry, float32, input, module, next, on, output, peer } from 'bytesandbrains';
const server = peer('server');
const phones = cohort('phone');
export default module('rounds', () => {
  const x = input('x', float32, [], { at: phones.each });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const all = on(phones.each, () => x.when(x.less(2))).collect({ at: server, atLeast: 3 });
    output('mean', all.values.reduceMean({ keepdims: false })${answer});
    next('round', { round: round.add(1n) }).when(round.less(1n));
  });
});
`;
write('stops.ts', rounds(''));
write('goes-on.ts', rounds('.orElse(constant(-1))'));
const scalar = (value: number) => ({ dtype: 'float32', dims: [], data: [value] });
write('x.json', JSON.stringify({ 'x@phone/0': scalar(0), 'x@phone/1': scalar(9), 'x@phone/2': scalar(1) }));

async function run(source: string, ...args: readonly string[]) {
  const common = ['--peers', 'topology.json', '--inputs', 'x.json', '--no-check'];
  const { status, chunks } = await builtBbc(['run', source, ...common, ...args], folder);
  const said = (stream: string): string =>
    chunks.flatMap((one) => (one.stream === stream ? [one.text] : [])).join('');
  return { status, out: said('out'), err: said('err') };
}

for (const [where, ...extra] of [['in one process'], ['in many', '--processes']] as const) {
  describe(`a quorum that is not reached, ${where},`, () => {
    test('is an error with place and counts, where the run needs it', async () => {
      const { status, err } = await run('stops.ts', ...extra);
      expect(status).toBe(1);
      expect(err).toContain(
        'stops.ts:8:58: error BB826: round 1 did not reach its quorum: 2 of 3 members answered server in time, 3 are needed (op collect_0)',
      );
      expect(err).toContain('its answer is missing: declined at phone/1');
      expect(err).toContain('ask for fewer with `atLeast`');
    });

    test('is a warning, where the run goes on', async () => {
      const { status, out, err } = await run('goes-on.ts', '--json', ...extra);
      expect(status).toBe(0);
      expect(err).toContain(
        'warning BB827: 2 of 2 rounds did not reach their quorum: at the worst 2 of 3 members answered server in time, 3 are needed',
      );
      const missed = { peer: 'server', arrived: 2, needed: 3, known: 3 };
      expect(JSON.parse(out)).toMatchObject({
        rounds: [{ quorums: [missed] }, { quorums: [missed] }],
        late: { dropped: 0, kept: 0 },
      });
    });
  });
}

const server = peer('server');
const phones = cohort('phone');
const one = (value: number): Tensor => ({
  dtype: 'float32',
  dims: [],
  bytes: new Uint8Array(Float32Array.of(value).buffer),
});

/** Runs on the CPU; the first segment that it runs waits until it is let go. */
function hesitant(): { readonly backend: Backend; readonly release: () => void } {
  const cpu = cpuBackend();
  let release = (): void => {};
  let gate: Promise<void> | undefined = new Promise((resolve) => {
    release = resolve;
  });
  const backend: Backend = {
    name: cpu.name,
    close: () => cpu.close(),
    async load(segment, options) {
      const loaded = await cpu.load(segment, options);
      return {
        async run(...args) {
          const wait = gate;
          gate = undefined;
          await wait;
          return loaded.run(...args);
        },
        release: () => loaded.release(),
      };
    },
  };
  return { backend, release: () => release() };
}

describe('late answers', () => {
  test('join a later round with their age, and only those of the round itself have gradients', async () => {
    const source = module('m', () => {
      const x = input('x', float32, [], { at: phones.each });
      entry('round', server, { initial: { round: 0 } }, ({ round }) => {
        const now = round.add(1);
        const w = now.broadcast(phones.each, { gradient: { atLeast: 0, within: '20s' } });
        const y = on(phones.each, () => x.mul(w));
        const all = collect({ x, y }, { at: server, enough: 2, within: '20s', late: 'next' });
        output('xs', all.x);
        output('ys', all.y);
        output('ages', all.ages);
        output('senders', all.senders);
        output('g', gradient(all.y.reduceSum({ keepdims: false }), now));
        next('round', { round: round.add(1) }).when(round.less(3));
      });
    });
    const peers = peersOf(deploymentInMemory(compiled(recorded(source), topologyOf('server', 'phone*3'))));
    const late = hesitant();
    const events: NodeEvent[] = [];
    const deployment = await startDeployment({
      peers: peers.map((one) => ({ ...one, ...(one.id === 'phone/1' && { backend: late.backend }) })),
      backend: cpuBackend(),
      onEvent: (_, event) => {
        events.push(event);
        if (event.kind === 'flow-started' && event.step === 1) late.release();
      },
    });
    const each: FlowResult[] = [];
    const values = { x: { 'phone/0': one(2), 'phone/1': one(3), 'phone/2': one(5) } };
    await deployment.invoke(values, { onFlow: (result) => each.push(result) });
    await deployment.close();
    const told = events.filter((event) => event.kind === 'late-answer');
    expect(told).toContainEqual(expect.objectContaining({ from: 'phone/1', kept: true }));
    const aged = each.filter(({ outputs }) => (plain(outputs.ages) as number[]).some((age) => age > 0));
    expect(aged.length).toBeGreaterThan(0);
    for (const { outputs, step } of each) {
      const [x, y, ages, g] = [outputs.xs, outputs.ys, outputs.ages, outputs.g].map(
        (value) => plain(value) as number[],
      );
      // What was asked for then, with the parameters of then.
      expect(y).toEqual(x!.map((value, row) => value * (step - ages![row]! + 1)));
      expect(g).toEqual([x!.filter((_, row) => ages![row] === 0).reduce((sum, value) => sum + value, 0)]);
    }
    const counted = each.reduce((sum, { late: { dropped, kept } }) => sum + dropped + kept, 0);
    expect(counted).toBe(told.length);
  });

  test('that are to join are an error where no flow follows', () => {
    const codeOf = (body: () => void): string => {
      try {
        recorded(module('m', body));
      } catch (error) {
        if (error instanceof DiagnosticError) return error.diagnostics[0]!.code;
        throw error;
      }
      return 'none';
    };
    const x = () => input('x', float32, [], { at: phones.each });
    expect(codeOf(() => void output('y', x().collect({ at: server, late: 'next' }).ages))).toBe('BB322');
    // @ts-expect-error -- red in the editor, too
    expect(codeOf(() => void output('y', x().collect({ at: server, late: 'keep' }).values))).toBe('BB308');
    // @ts-expect-error -- there are no ages where late answers are dropped
    expect(() => x().collect({ at: server }).ages).toThrow();
  });
});
