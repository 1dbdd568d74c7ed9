import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addSizes,
  divideSizeExactly,
  evaluateSize,
  floorDivideSize,
  leastSize,
  multiplySizes,
  type Size,
  subtractSizes,
} from '../../ir/size.ts';

const names = ['N', 'W', 'x.2', 'onnx::Flatten_0'];

/** A size as an expression of ours, and what it is for given names. */
interface Sample {
  readonly size: Size;
  value(given: ReadonlyMap<string, number>): number;
}

const { sample } = fc.letrec<{ sample: Sample }>((tie) => {
  const one = tie('sample');
  const two = fc.tuple(one, one);
  return {
    sample: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...names).map((name): Sample => ({ size: name, value: (given) => given.get(name)! })),
      fc.integer({ min: -9, max: 40 }).map((size): Sample => ({ size, value: () => size })),
      two.map(([a, b]) => ({
        size: addSizes(a.size, b.size),
        value: (x: ReadonlyMap<string, number>) => a.value(x) + b.value(x),
      })),
      two.map(([a, b]) => ({
        size: subtractSizes(a.size, b.size),
        value: (x: ReadonlyMap<string, number>) => a.value(x) - b.value(x),
      })),
      two.map(([a, b]) => ({
        size: multiplySizes(a.size, b.size),
        value: (x: ReadonlyMap<string, number>) => a.value(x) * b.value(x),
      })),
      fc.tuple(one, fc.integer({ min: 1, max: 7 })).map(([a, by]) => ({
        size: floorDivideSize(a.size, by),
        value: (x: ReadonlyMap<string, number>) => Math.floor(a.value(x) / by),
      })),
    ),
  };
});
const assignment = fc
  .tuple(...names.map(() => fc.nat(1000)))
  .map((values) => new Map(names.map((name, index) => [name, values[index]!])));

const known = (size: Size): size is number | string => size !== null;
const at = (size: Size, given: ReadonlyMap<string, number>): number | undefined =>
  known(size) ? evaluateSize(size, (name) => given.get(name)) : undefined;

describe('a size made of names', () => {
  it('is, for any values of its names, what its parts say', () => {
    let compared = 0;
    fc.assert(
      fc.property(sample, assignment, ({ size, value }, given) => {
        const wanted = value(given) + 0;
        if (!known(size) || !Number.isSafeInteger(wanted)) return;
        compared++;
        expect(at(size, given)).toBe(wanted);
      }),
      { numRuns: 2000 },
    );
    expect(compared).toBeGreaterThan(1500);
  });

  it('has one text, which reads back as itself', () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        expect(addSizes(a.size, b.size)).toBe(addSizes(b.size, a.size));
        expect(multiplySizes(a.size, b.size)).toBe(multiplySizes(b.size, a.size));
        expect(addSizes(a.size, 0)).toBe(a.size);
        if (addSizes(a.size, b.size) !== null)
          expect(subtractSizes(addSizes(a.size, b.size), b.size)).toBe(a.size);
      }),
    );
  });

  it('is never below its least value', () => {
    fc.assert(
      fc.property(sample, assignment, ({ size }, given) => {
        const value = at(size, given);
        if (value !== undefined) expect(value).toBeGreaterThanOrEqual(leastSize(size));
      }),
    );
  });
});

describe('the text of a size', () => {
  it.each([
    ['two convolutions of stride 2', half(half('W')), 'floor((W+3)/4)'],
    ['a multiple', multiplySizes('2*N', 'M'), '2*M*N'],
    ['even parts come out of a floor', floorDivideSize('4*N+3', 2), '2*N+1'],
    ['what cancels is gone', subtractSizes('N+W', 'W'), 'N'],
    ['exact division', divideSizeExactly('12*N', 4), '3*N'],
    ['a division with a rest', divideSizeExactly('12*N+1', 4), null],
    ['blanks and `//`, as other tools write', addSizes('(N + 1) // 2', 1), 'floor((N+1)/2)+1'],
    ['a name that is no name', addSizes('batch size', 1), null],
    ['division by zero', addSizes('N//0', 1), null],
    ['far too deep', addSizes(`${'('.repeat(200)}N${')'.repeat(200)}`, 1), null],
    ['far too many terms', addSizes(Array.from({ length: 30 }, (_, i) => `n${i}`).join('+'), 1), null],
  ])('%s', (_, size, text) => {
    expect(size).toBe(text);
  });
});

/** A convolution of 3 at stride 2, padded by 1. */
function half(size: Size): Size {
  return addSizes(floorDivideSize(addSizes(size, -1), 2), 1);
}
