// What manifests say a program needs at most, against what its node held at most.

import { describe, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import {
  cohort,
  collect,
  constant,
  float32,
  input,
  module,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import { byteLengthOf, type Tensor } from '../../ir/types.ts';
import { segmentModels } from '../../runtime/index.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, recorded } from '../support/deploy.ts';
import { type SegmentFunctions, World } from './world.ts';

/** Heads of frames, and padding. The estimate has what a backend holds while it computes, too, which the node does not. */
const HEADS_BYTES = 2000;
const SIZE = 20_000;

class Watched extends World {
  readonly most = new Map<string, number>();

  override drain(peer: string): number | undefined {
    this.#look(peer);
    const until = super.drain(peer);
    this.#look(peer);
    return until;
  }

  override work(...[peer, work]: Parameters<World['work']>): void {
    super.work(peer, work);
    this.#look(peer);
  }

  #look(peer: string): void {
    this.most.set(peer, Math.max(this.most.get(peer) ?? 0, this.node(peer).usage.bytes));
  }
}

const zeros = (bytes: number): Tensor => ({
  dtype: 'float32',
  dims: [bytes / 4],
  bytes: new Uint8Array(bytes),
});

/** Runs a module whose segments give zeros of the sizes that they say. */
function held(
  source: Parameters<typeof recorded>[0],
  peers: readonly string[],
  inputs: Record<string, string[]>,
) {
  const all = peersOf(deploymentInMemory(compiled(recorded(source), topologyOf(...peers))));
  const segments: Record<string, Record<string, SegmentFunctions[string]>> = {};
  for (const { id, bundle } of all) {
    const mine: Record<string, SegmentFunctions[string]> = {};
    for (const { name, outputs } of segmentModels(bundle).values())
      mine[name] = () =>
        outputs.map(({ shape }) => {
          const dims = (shape ?? []).map(Number);
          const count = dims.reduce((product, dim) => product * dim, 1);
          return { ...zeros(byteLengthOf('float32', count)!), dims };
        });
    segments[id] = mine;
  }
  const names = new Set(Object.values(segments).flatMap((one) => Object.keys(one)));
  const each: SegmentFunctions = Object.fromEntries(
    [...names].map((name) => [name, (given, at) => segments[at]![name]!(given, at)]),
  );
  const world = new Watched(Object.fromEntries(all.map(({ id, bundle }) => [id, bundle])), each);
  const [first] = Object.keys(inputs);
  world.invoke(first!, Object.fromEntries(inputs[first!]!.map((name) => [name, zeros(4 * SIZE)])));
  for (const [id, names] of Object.entries(inputs).slice(1)) {
    world.settle();
    const [wanted] = world.events('input-wanted', id);
    const values = Object.fromEntries(names.map((name) => [name, zeros(4 * SIZE)]));
    world.give(id, { type: 'supply', flow: wanted!.flow, values });
  }
  world.run();
  for (const { id } of all) expect(world.events('flow-ended', id)).toMatchObject([{ status: 'complete' }]);
  // Where a shape is open, as that of what a collect gives, nothing is said.
  return all.flatMap(({ id, bundle: { manifest } }) => {
    const { stateBytes, activationBytes } = manifest.memory;
    if (activationBytes === null) return [];
    return [{ id, most: world.most.get(id)!, estimate: stateBytes + activationBytes }];
  });
}

describe('the memory estimate of a manifest', () => {
  const [a, b] = [peer('a'), peer('b')];

  test('of a chain over two peers with a state is what their nodes hold at most', () => {
    const chain = module('chain', () => {
      const x = input('x', float32, [SIZE], { at: a });
      const w = state('w', constant(new Float32Array(SIZE)), { at: b });
      const y = on(a, () => x.exp());
      const z = on(b, () => y.add(w.read()));
      w.assign(on(b, () => z.mul(0.5)));
      output(
        'z',
        on(a, () => z.add(y)),
      );
    });
    for (const { most, estimate } of held(chain, ['a', 'b'], { a: ['x'] })) {
      expect(most).toBeLessThanOrEqual(estimate + HEADS_BYTES);
      expect(most).toBeGreaterThan(estimate / 5);
    }
  });

  test('of the members of a cohort, too', () => {
    const phones = cohort('phone');
    const server = peer('server');
    const round = module('round', () => {
      const w = input('w', float32, [SIZE], { at: server });
      const x = on(phones.each, () => w.exp());
      const answers = collect(x, { at: server });
      output(
        'rows',
        on(server, () => answers.values.identity()),
      );
    });
    const found = held(round, ['server', 'phone*3'], { server: ['w'] });
    expect(found.map(({ id }) => id)).toEqual(['phone/0', 'phone/1', 'phone/2']);
    for (const { most, estimate } of found) {
      expect(most).toBeLessThanOrEqual(estimate + HEADS_BYTES);
      expect(most).toBeGreaterThan(estimate / 5);
    }
  });
});
