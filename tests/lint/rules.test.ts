// Every rule over graphs and plans: its bad example has exactly that problem, its good example has none at all.

import { describe, expect, test } from 'vitest';
import { rules } from '../../compiler/index.ts';
import { lintExample } from '../support/lint-examples.ts';

describe.each(rules.map((rule) => [rule.id, rule] as const))('%s', (id, { examples }) => {
  test('is found in its bad example, and nothing else is', async () => {
    const found = await lintExample(examples.bad);
    expect(
      new Set(found.map(({ rule, level, message }) => (rule === id ? rule : `${rule} ${level}: ${message}`))),
    ).toEqual(new Set([id]));
  });
  test('its good example has nothing', async () => {
    expect(await lintExample(examples.good)).toEqual([]);
  });
});

test('what only decides whether a flow follows is used', async () => {
  const found = await lintExample({
    model: `
import { entry, module, next, output, peer } from 'bytesandbrains';
const server = peer('server');
export default module('rounds', () => {
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    output('done', round);
    next('round', { round: round.add(1n) }).when(round.less(50n));
  });
});`,
  });
  expect(found.filter(({ rule }) => rule === 'unused-parameter')).toEqual([]);
});

/** Rounds of averaging; nothing else is wrong with them. */
const rounds = (limit: number, condition: string) => ({
  topology: '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }',
  model: `
import { cohort, collect, entry, float32, input, module, next, on, output, peer, state } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('rounds', () => {
  const x = input('x', float32, [4], { at: phones.each });
  entry('round', server, { initial: { round: 0n }, limit: ${limit} }, ({ round }) => {
    const w = state('w', [0, 0, 0, 0], { at: server });
    const now = w.read();
    const delta = on(phones.each, () => x.sub(now));
    const all = collect({ delta }, { at: server, within: '10s', atLeast: 2 });
    const mean = all.delta.reduceMean({ axes: [0], keepdims: false });
    w.assign(now.add(mean.orElse([0, 0, 0, 0])));
    const size = mean.reduceSumSquare({ keepdims: false });
    output('size', size.orElse(0));
    next('round', { round: round.add(1n) }).when(round.less(50n).and(${condition}));
  });
});`,
});
const foundIn = async (limit: number, condition: string): Promise<readonly string[]> =>
  (await lintExample(rounds(limit, condition))).map(({ rule, at }) => `${rule} ${at?.line}`);

test('an update is lost only where an entry lets two flows be open at once', async () => {
  expect(await foundIn(1, 'size.orElse(1).greater(0.1)')).toEqual([]);
  expect(await foundIn(2, 'size.orElse(1).greater(0.1)')).toEqual(['lost-update 12']);
});

test('a session that ends because an answer is missing is told, with the way', async () => {
  expect(await foundIn(1, 'size.greater(0.1)')).toEqual(['unhandled-missing 15']);
  const [found] = await lintExample(rounds(1, 'size.greater(0.1)'));
  expect(found!.message).toBe(
    "next('round') is given a value that is missing if too few members answer: then the session ends",
  );
  expect(found!.related!.map(({ message }) => message.replace(/^\S+ /, ''))).toEqual(
    expect.arrayContaining(['(Collect) is then missing', '(Greater) is then missing']),
  );
});

const peersOf = (count: number): string => `{ "version": 1, "classes": { "phone": { "count": ${count} } } }`;
const rulesIn = async (model: string, topology?: string): Promise<readonly string[]> =>
  (await lintExample({ model, ...(topology !== undefined && { topology }) })).map(({ rule }) => rule);

test('one key for two draws is told, keys that are folded from it are not', async () => {
  const drawn = (second: string): string => `
import { float32, input, module, output } from 'bytesandbrains';
import { key, normal, uniform } from 'bytesandbrains/random';
export default module('noise', () => {
  const x = input('x', float32, [4]);
  output('y', x.add(normal(key(7).fold('a'), [4])).add(uniform(${second}, [4])));
});`;
  expect(await rulesIn(drawn("key(7).fold('a')"))).toEqual(['shared-seed']);
  expect(await rulesIn(drawn("key(7).fold('b')"))).toEqual([]);
});

test('a mask from a key of the program protects nothing, one from a key of the host does', async () => {
  const masked = (from: string): string => `
import { input, float32, module, on, output, peer, secret, uint32 } from 'bytesandbrains';
import { key, normal } from 'bytesandbrains/random';
const phone = peer('phone');
const server = peer('server');
export default module('masked', () => {
  const x = input('x', float32, [4], { at: phone, private: true });
  const words = secret(uint32, [2], { at: phone });
  const sent = on(phone, () => x.add(normal(${from}, [4])).declassify('the mask hides it'));
  output('y', on(server, () => sent.neg()));
  output('parity', on(phone, () => words.bitwiseAnd([1, 1])));
});`;
  const topology = '{ "version": 1, "classes": { "phone": {}, "server": {} } }';
  expect(await rulesIn(masked('key(3)'), topology)).toContain('secret-from-graph');
  expect(await rulesIn(masked('key(words)'), topology)).not.toContain('secret-from-graph');
});

test('what members draw from a key of a seed differs, and from one that is fixed it does not', async () => {
  const going = (from: string): string => `
import { cohort, constant, emit, entry, module, next, state } from 'bytesandbrains';
import { fixedKey, key, uniform } from 'bytesandbrains/random';
const phones = cohort('phone');
export default module('lucky', () => {
  const rounds = state('rounds', constant(0), { at: phones.each });
  entry('round', phones.each, () => {
    const n = rounds.update((before) => before.add(1));
    emit('n', n);
    next('round').when(n.less(5).and(uniform(${from}, []).less(0.5)));
  });
});`;
  const topology = '{ "version": 1, "classes": { "phone": { "count": 3 } } }';
  expect(await rulesIn(going('key(7).fold(n.cast({ to: "int64" }))'), topology)).toContain(
    'joint-next-differs',
  );
  expect(await rulesIn(going('fixedKey(7).fold(n.cast({ to: "int64" }))'), topology)).not.toContain(
    'joint-next-differs',
  );
});

test('an all-reduce with a dead owner of a chunk lets replicas diverge, unless digests are compared', async () => {
  const reduced = (atLeast: string, rest: string): string => `
import { cohort, constant, digest, emit, entry, module, next, state } from 'bytesandbrains';
const phones = cohort('phone');
export default module('reduce', () => {
  const w = state('w', constant([1, 2, 3]), { at: phones.each });
  const rounds = state('rounds', 0, { at: phones.each });
  entry('round', phones.each, () => {
    const n = rounds.update((before) => before.add(1));
    const all = w.read().exchange({ within: '5s'${atLeast} });
    const mean = all.values.reduceMean({ axes: [0], keepdims: false });
    const w1 = mean.orElse(w.read());
    w.assign(w1);
    ${rest}
    next('round').when(n.less(5));
  });
});`;
  const compared =
    "const h = digest(w1).exchange({ within: '9s', atLeast: 1 });\n    emit('digests', h.values);";
  expect(await rulesIn(reduced(', atLeast: 1', "emit('w', w1);"), peersOf(3))).toEqual([
    'diverging-replicas',
  ]);
  expect(await rulesIn(reduced(', atLeast: 1', compared), peersOf(3))).toEqual([]);
  expect(await rulesIn(reduced('', "emit('w', w1);"), peersOf(3))).toEqual([]);
});

test('a session that ends when a component does not answer is told', async () => {
  const asked = (rest: string): string => `
import { constant, emit, entry, int64, module, next, peer, protocol } from 'bytesandbrains';
const server = peer('server');
const log = {
  methods: {
    Append: {
      kind: 'ask',
      inputs: [{ name: 'value', dtype: 'int64', shape: [] }],
      options: {},
      outputs: [{ name: 'at', dtype: 'int64', shape: [] }],
    },
  },
} as const;
export default module('log', () => {
  const raft = protocol('raft', log, { at: server });
  entry('lead', server, { initial: { n: 0n } }, ({ n }) => {
    const at = raft.append(n, { within: '2s' });
    emit('at', at);
    next('lead', { n: n.add(1n) }).when(${rest});
  });
});`;
  const topology = '{ "version": 1, "classes": { "server": {} } }';
  const [found] = await lintExample({ model: asked('at.less(50n)'), topology });
  expect(found).toMatchObject({
    rule: 'unhandled-missing',
    message: "next('lead') is given a value that is missing if raft does not answer: then the session ends",
  });
  expect(await rulesIn(asked('at.orElse(50n).less(50n)'), topology)).toEqual([]);
});

test('a next without a condition never ends its session', async () => {
  const rounds = `
import { emit, entry, module, next, peer } from 'bytesandbrains';
const server = peer('server');
export default module('rounds', () => {
  entry('round', server, { initial: { n: 0n } }, ({ n }) => {
    emit('n', n.add(1n));
    next('round', { n: n.add(1n) });
  });
});`;
  expect(await rulesIn(rounds)).toEqual(['endless-session']);
});

test('a quorum is held against the set that was taken, where its size is known', async () => {
  const asked = (atLeast: number): string => `
import { cohort, collect, constant, emit, entry, module, on, peer, state } from 'bytesandbrains';
const server = peer('server');
const phones = cohort('phone');
export default module('sets', () => {
  const held = state('held', constant([1, 2]), { at: phones });
  entry('ask', server, () => {
    const picked = phones.some(phones.view().gather(constant([0n, 2n])));
    const own = on(picked, () => held.read().mul(2));
    const c = collect({ own }, { atLeast: ${atLeast}, within: '5s' });
    emit('mean', c.own.reduceMean({ axes: [0], keepdims: false }).orElse([0, 0]));
  });
});`;
  const topology = '{ "version": 1, "classes": { "server": {}, "phone": { "count": 5 } } }';
  expect(await rulesIn(asked(3), topology)).toEqual(['quorum-above-cohort']);
  expect(await rulesIn(asked(2), topology)).toEqual([]);
});
