// bbc sim --record and bbc replay.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { replayCommand } from '../../cli/commands/replay.ts';
import { sim } from '../../cli/commands/sim.ts';
import { HEADER_BYTES, readJournal } from '../../runtime/journal/index.ts';
import { bbcOf } from '../support/bbc.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'replay-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => path.join(folder, name);
const bbc = bbcOf(sim, replayCommand);

writeFileSync(
  at('model.ts'),
  `import { cohort, collect, constant, entry, module, next, on, output, peer, state } from 'bytesandbrains';
const [server, phones] = [peer('server'), cohort('phone')];
export default module('sums', () => {
  const total = state('total', constant(0), { at: server });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const now = total.read();
    const { x } = collect(on(phones.each, () => ({ x: now.add(1) })), { atLeast: 1, within: '1s' });
    const sum = total.update((before) => x.reduceSum({ keepdims: false }).orElse(before));
    output('sum', sum);
    next('round', { round: round.add(1n) }).when(round.less(5n));
  });
});
`,
);
const cpu = { backend: 'cpu' };
writeFileSync(
  at('topology.json'),
  JSON.stringify({
    version: 1,
    classes: { server: cpu, phone: { ...cpu, count: 3 } },
    links: [{ between: ['server', 'phone'], latency: '10ms', loss: 0.1 }],
  }),
);
const simulate = (record: string, ...more: string[]) =>
  bbc('sim', at('model.ts'), '-p', at('topology.json'), '--no-check', '--record', at(record), ...more);
const replay = (record: string, ...more: string[]) => bbc('replay', at(record), '--no-check', ...more);

test('the same seed writes the same bytes, and a replay finds them as they were', async () => {
  expect((await simulate('a.bbsim', '--seed', '3', '--faults', 'chaos')).status).toBe(0);
  await simulate('b.bbsim', '--seed', '3', '--faults', 'chaos');
  await simulate('c.bbsim', '--seed', '4', '--faults', 'chaos');
  const [a, b, c] = ['a', 'b', 'c'].map((name) => readFileSync(at(`${name}.bbsim`)));
  expect(a!.equals(b!)).toBe(true);
  expect(a!.equals(c!)).toBe(false);
  const { status, out } = await replay('a.bbsim');
  expect([status, out]).toEqual([0, expect.stringMatching(/^\d+ events as recorded, /)]);
});

test('a byte that is changed is found at its event, wherever it is', async () => {
  await simulate('whole.bbsim', '--compact');
  const whole = readFileSync(at('whole.bbsim'));
  const records = [...readJournal(whole)];
  expect(records.length).toBeGreaterThan(30);
  for (const index of [1, 2, 15, records.length - 1]) {
    const { start, end } = records[index]!;
    for (const where of [start, start + 5, start + 12, end - 1]) {
      const changed = Buffer.from(whole);
      changed[where]! ^= 0x40;
      writeFileSync(at('changed.bbsim'), changed);
      const { status, out } = await replay('changed.bbsim', '--json');
      const { divergence, events } = JSON.parse(out);
      // The header is no event.
      expect([status, divergence.event, events]).toEqual([1, index - 1, index - 1]);
    }
  }
});

test('a record that breaks off, or goes on, differs where it does', async () => {
  const whole = readFileSync(at('whole.bbsim'));
  const records = [...readJournal(whole)];
  const last = records.at(-1)!;
  writeFileSync(at('short.bbsim'), whole.subarray(0, last.start));
  writeFileSync(at('long.bbsim'), Buffer.concat([whole, whole.subarray(last.start)]));
  writeFileSync(at('cut.bbsim'), whole.subarray(0, whole.length - 3));
  const found = async (name: string) => {
    const { divergence } = JSON.parse((await replay(name, '--json')).out);
    return [divergence.event, divergence.recorded, divergence.replayed];
  };
  const count = records.length - 1;
  expect(await found('short.bbsim')).toEqual([count - 1, 'nothing more', expect.anything()]);
  expect(await found('long.bbsim')).toEqual([count, expect.anything(), null]);
  expect(await found('cut.bbsim')).toEqual([count - 1, 'cut', expect.anything()]);
});

test('--until stops there, and shows what peers hold and wait for', async () => {
  const { status, out } = await replay('whole.bbsim', '--until', '9', '--json');
  const { events, state } = JSON.parse(out);
  expect([status, events, state.peers.length]).toEqual([0, 9, 4]);
  expect(state.waits[0]).toMatchObject({ peer: 'server', flow: 'server:1:2' });
  expect((await replay('whole.bbsim', '--until', '9')).out).toContain(
    'waits: server: flow server:1:2 waits for ',
  );
});

test('what is no record, or one of another deployment, is refused', async () => {
  writeFileSync(at('none.bbsim'), 'nothing');
  expect((await replay('none.bbsim')).err).toContain('error BB791');
  writeFileSync(at('header.bbsim'), readFileSync(at('whole.bbsim')).subarray(0, HEADER_BYTES + 20));
  expect((await replay('header.bbsim')).err).toContain('error BB791');
  writeFileSync(
    at('other.json'),
    JSON.stringify({ version: 1, classes: { server: cpu, phone: { count: 2 } } }),
  );
  const { status, err } = await replay('whole.bbsim', '--peers', at('other.json'));
  expect([status, err]).toEqual([1, expect.stringContaining('error BB792')]);
});
