// Sequences, optional values and sparse tensors over nodes: they come as they were sent, and leave nothing behind.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataValue } from '../../ir/data.ts';
import type { Tensor, ValueType } from '../../ir/types.ts';
import type { Value } from '../../runtime/index.ts';
import { someValue } from '../support/random-values.ts';
import { call, edge, f32, makeBundle, recv, send } from './programs.ts';
import { type SegmentFunctions, World } from './world.ts';

const members = { a: ['a'], b: ['b'] };
const pair = (type?: ValueType) => {
  const edges = [edge(0, 'send', 'a', 'b', type === undefined ? {} : { type })];
  return {
    a: makeBundle({
      class: 'a',
      members,
      edges,
      inputs: ['x'],
      ops: [call('same', ['x'], ['y']), send(0, 'y')],
    }),
    b: makeBundle({
      class: 'b',
      members,
      edges,
      outputs: ['z'],
      ops: [recv(0, 'y'), call('same', ['y'], ['z'])],
    }),
  };
};
const segments: SegmentFunctions = { same: (inputs) => inputs };

function passOn(x: Value, world = new World(pair(), segments)): Value | undefined {
  world.invoke('a', { x });
  world.run();
  return world.output('b', 'z');
}

const nested = (depth: number): DataValue =>
  depth === 0 ? f32(1) : { kind: 'optional', value: nested(depth - 1) };
const many = (count: number): DataValue => ({
  kind: 'sequence',
  values: new Array<DataValue>(count).fill(f32(1)),
});

describe('a value of any kind', () => {
  test('comes out as it went in, and no byte of it is held afterwards', () => {
    fc.assert(
      fc.property(someValue, (sent) => {
        const world = new World(pair(), segments);
        expect(passOn(sent, world)).toEqual(sent);
        expect(world.events('flow-ended').map(({ status }) => status)).toEqual(['complete', 'complete']);
        for (const node of world.nodes.values()) expect(node.usage).toMatchObject({ bytes: 0, flows: 0 });
      }),
      { numRuns: 300 },
    );
  });

  test('is copied when it enters: what the host does with it later is not seen', () => {
    const world = new World(pair(), segments);
    world.holdWork = true;
    const item = f32(1, 2);
    world.invoke('a', { x: { kind: 'sequence', values: [item, item] } });
    item.bytes.fill(0);
    const same = f32(1, 2);
    expect(world.held[0]!.inputs).toEqual([{ kind: 'sequence', values: [same, same] }]);
  });

  test('counts with its objects, so that empty tensors are not free', () => {
    const edges = [edge(0, 'send', 'a', 'b'), edge(1, 'send', 'a', 'b')];
    const b = makeBundle({
      class: 'b',
      members,
      edges,
      outputs: ['z'],
      ops: [recv(0, 'y'), recv(1, 'late'), call('same', ['y', 'late'], ['z', 'w'])],
    });
    const a = makeBundle({
      class: 'a',
      members,
      edges,
      inputs: ['x', 'never'],
      ops: [send(0, 'x'), send(1, 'never')],
    });
    const world = new World({ a, b }, segments);
    world.invoke('a', { x: { kind: 'sequence', values: new Array<DataValue>(100).fill(f32()) } });
    world.settle();
    expect(world.node('b').usage.bytes).toBeGreaterThan(100 * 256);
    world.run();
    expect(world.node('b').usage.bytes).toBe(0);
  });
});

describe('what is too much', () => {
  test('is refused where it enters: too many parts, too deep', () => {
    expect(passOn(many(8191))).toMatchObject({ kind: 'sequence' });
    expect(passOn(many(8192))).toMatchObject({ reason: 'failed', detail: 'input x: more than 8192 parts' });
    expect(passOn(nested(16))).toMatchObject({ kind: 'optional' });
    expect(passOn(nested(17))).toMatchObject({ reason: 'failed' });
  });

  test('fails the segment that made it', () => {
    const world = new World(pair(), { same: () => [many(8192) as unknown as Tensor] });
    expect(passOn(f32(1), world)).toMatchObject({
      reason: 'failed',
      detail: 'result 0 of the backend: more than 8192 parts',
    });
  });
});

test('a value that is not of its edge’s type is missing, and both types are named', () => {
  const type: ValueType = { kind: 'sequence', elem: { kind: 'tensor', dtype: 'float32', dims: [2] } };
  const typed = () => new World(pair(type), segments);
  expect(passOn({ kind: 'sequence', values: [f32(1, 2)] }, typed())).toMatchObject({ kind: 'sequence' });
  expect(passOn({ kind: 'sequence', values: [f32(1, 2), f32(3)] }, typed())).toMatchObject({
    reason: 'failed',
    detail: 'seq(float32[2]) where seq(float32[2]) belongs',
  });
  expect(passOn(f32(1, 2), typed())).toMatchObject({
    detail: 'float32[2] where seq(float32[2]) belongs',
  });
});
