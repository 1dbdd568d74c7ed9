// Spans for OpenTelemetry, against its own SDK with an exporter in memory.

import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { startDeployment } from '../../runtime/host/index.ts';
import { openTelemetry } from '../../runtime/host/observe/otel.ts';
import {
  type Backend,
  decodeFrame,
  defaultLimits,
  type LoadedBundle,
  TRACE_BYTES,
} from '../../runtime/index.ts';
import { call, core, edge, f32, makeBundle, numbers, recv, send } from './programs.ts';
import { World } from './world.ts';

const members = { a: ['a'], b: ['b'], c: ['c'] };
const edges = [edge(0, 'send', 'a', 'b'), edge(1, 'send', 'b', 'c')];
/** a doubles, b doubles, c tells. */
const chain = {
  a: makeBundle({
    class: 'a',
    members,
    edges,
    inputs: ['x'],
    ops: [call('double', ['x'], ['y']), send(0, 'y')],
  }),
  b: makeBundle({
    class: 'b',
    members,
    edges,
    ops: [recv(0, 'y'), call('double', ['y'], ['w']), send(1, 'w')],
  }),
  c: makeBundle({ class: 'c', members, edges, outputs: ['w'], ops: [recv(1, 'w')] }),
};
const double = ([x]: readonly Tensor[]) => [f32(...numbers(x!).map((one) => 2 * one))];
const backend = (fails = false): Backend => ({
  name: 'fake',
  load: async () => ({
    async run(inputs) {
      if (fails) throw new Error('out of memory');
      return double(inputs as Tensor[]);
    },
    release: async () => {},
  }),
  close: async () => {},
});

/** Each peer with a provider of its own, as on machines of their own; all spans together. */
function tracing() {
  const exporter = new InMemorySpanExporter();
  const tracerOf = () =>
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('test');
  const observerOf = (peer: string) => openTelemetry({ tracer: tracerOf(), peer });
  const spans = (name: string): readonly ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => span.name === name);
  return { exporter, tracerOf, observerOf, spans };
}
const peerOf = ({ attributes }: ReadableSpan) => attributes['bytesandbrains.peer'];
const peersOf = (bundles: Readonly<Record<string, LoadedBundle>>) =>
  Object.entries(bundles).map(([id, bundle]) => ({ id, bundle }));

test('a flow over three peers is one trace, in which each part is a child of the one that woke it', async () => {
  const { exporter, observerOf, spans } = tracing();
  const deployment = await startDeployment({ peers: peersOf(chain), backend: backend(), observerOf });
  const result = await deployment.invoke({ x: f32(1) });
  expect(numbers(result.outputs.w as Tensor)).toEqual([4]);
  await deployment.close();
  const flows = spans('flow');
  expect(flows.map(peerOf).sort()).toEqual(['a', 'b', 'c']);
  const [a, b, c] = ['a', 'b', 'c'].map((peer) => flows.find((one) => peerOf(one) === peer)!);
  const [traceId] = new Set(flows.map((one) => one.spanContext().traceId));
  expect(a!.parentSpanContext).toBeUndefined();
  expect(b!.parentSpanContext).toMatchObject({ traceId, spanId: a!.spanContext().spanId, isRemote: true });
  expect(c!.parentSpanContext).toMatchObject({ traceId, spanId: b!.spanContext().spanId });
  expect(a!.attributes).toMatchObject({
    'bytesandbrains.flow': 'a:1:1',
    'bytesandbrains.status': 'complete',
  });
  // What is computed is below the flow, with op, kind, domain and flow.
  expect(spans('engine.invoke').map((one) => [peerOf(one), one.attributes['bytesandbrains.op']])).toEqual([
    ['a', 'double'],
    ['b', 'double'],
  ]);
  expect(spans('engine.invoke')[0]).toMatchObject({
    attributes: {
      'bytesandbrains.kind': 'segment',
      'bytesandbrains.domain': 'ai.bytesandbrains.segment',
      'bytesandbrains.flow': 'a:1:1',
    },
    parentSpanContext: { spanId: a!.spanContext().spanId },
  });
  // Each turn of the engine with its phases, in the same trace; those of shutdown are about no flow.
  const turns = spans('engine.poll');
  expect(turns.map((one) => [peerOf(one), one.attributes['bytesandbrains.input']])).toEqual([
    ['a', 'invoke'],
    ['a', 'done'],
    ['b', 'frame'],
    ['b', 'done'],
    ['c', 'frame'],
  ]);
  for (const phase of ['engine.handle', 'engine.act'])
    expect(spans(phase).map((one) => one.parentSpanContext?.spanId)).toEqual(
      turns.map((one) => one.spanContext().spanId),
    );
  for (const one of exporter.getFinishedSpans()) {
    expect(one.spanContext().traceId).toBe(traceId);
    const [began, ended] = [one.startTime, one.endTime].map(([s, ns]) => s * 1e3 + ns / 1e6);
    expect(Math.abs(began! - Date.now())).toBeLessThan(60_000);
    expect(began!).toBeLessThanOrEqual(ended!);
  }
});

test('a flow that its caller starts within a span belongs to the caller’s trace', async () => {
  const { tracerOf, observerOf, spans } = tracing();
  const deployment = await startDeployment({ peers: peersOf(chain), backend: backend(), observerOf });
  // Without a context manager, `context.with` does nothing: the least of one will do.
  let active = ROOT_CONTEXT;
  context.setGlobalContextManager({
    active: () => active,
    with: (_context, fn, thisArg, ...args) => fn.apply(thisArg as never, args),
    bind: (_, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  });
  const caller = tracerOf().startSpan('request');
  active = trace.setSpan(ROOT_CONTEXT, caller);
  const running = deployment.invoke({ x: f32(1) });
  active = ROOT_CONTEXT;
  await running;
  caller.end();
  await deployment.close();
  context.disable();
  const { traceId, spanId } = caller.spanContext();
  for (const one of spans('flow')) expect(one.spanContext().traceId).toBe(traceId);
  expect(spans('flow').find((one) => peerOf(one) === 'a')!.parentSpanContext!.spanId).toBe(spanId);
});

test('what fails is an error in the span of the call, and in that of the flow', async () => {
  const { observerOf, spans } = tracing();
  const deployment = await startDeployment({ peers: peersOf(chain), backend: backend(true), observerOf });
  await deployment.invoke({ x: f32(1) });
  await deployment.close();
  expect(spans('engine.invoke')[0]!.status).toEqual({ code: 2, message: 'out of memory' });
  const flow = spans('flow').find((one) => peerOf(one) === 'c')!;
  expect(flow.status.code).toBe(2);
  expect(flow.status.message).toMatch(/failed at a/);
});

test('each flow of a session is a trace of its own, linked to the one before it', async () => {
  const one = makeBundle({
    class: 'a',
    members: { a: ['a'] },
    constants: { k: f32(1) },
    outputs: ['m'],
    ops: [
      core('Invoke', [], ['started'], undefined, { entry: 'main' }),
      call('double', ['k'], ['m']),
      core('Next', ['started'], [], undefined, { entry: 'main' }),
    ],
  });
  const { observerOf, spans } = tracing();
  const deployment = await startDeployment({
    peers: [{ id: 'a', bundle: one }],
    backend: backend(),
    observerOf,
  });
  await deployment.invoke({}, { flows: 3 });
  await deployment.close();
  const flows = spans('flow');
  expect(flows.map(({ attributes }) => attributes['bytesandbrains.step'])).toEqual([0, 1, 2]);
  expect(new Set(flows.map((span) => span.spanContext().traceId)).size).toBe(3);
  expect(flows.map(({ links }) => links.map((link) => link.context.spanId))).toEqual([
    [],
    [flows[0]!.spanContext().spanId],
    [flows[1]!.spanContext().spanId],
  ]);
});

test('peers without a tracer pass a trace on, and what is none is ignored', () => {
  const mine = Uint8Array.from({ length: TRACE_BYTES }, (_, at) => at + 1);
  const traces = { a: mine, b: undefined };
  const world = new World(chain, { double }, {}, { traces: (peer) => () => traces[peer as 'a'] });
  world.invoke('a', { x: f32(1) });
  world.run();
  const carried = world.sent.map(({ from, bytes }) => {
    const decoded = decodeFrame(bytes, defaultLimits);
    return [from, decoded.ok && [...decoded.frame.envelope.trace]];
  });
  expect(carried).toEqual([
    ['a', [...mine]],
    ['b', []],
  ]);
  const through = new World(
    chain,
    { double },
    {},
    {
      traces: (peer) => (peer === 'a' ? () => mine : undefined),
    },
  );
  through.invoke('a', { x: f32(1) });
  through.run();
  expect(through.sent.map(({ bytes }) => traceIn(bytes))).toEqual([[...mine], [...mine]]);
  // Of another length it goes no further, and harms nobody.
  const odd = new World(
    chain,
    { double },
    {},
    {
      traces: (peer) => (peer === 'a' ? () => mine.slice(1) : undefined),
    },
  );
  odd.invoke('a', { x: f32(1) });
  odd.run();
  expect(odd.sent.map(({ bytes }) => traceIn(bytes).length)).toEqual([TRACE_BYTES - 1, 0]);
  expect(odd.events('flow-ended').map(({ status }) => status)).toEqual(['complete', 'complete', 'complete']);
});

function traceIn(bytes: Uint8Array): number[] {
  const decoded = decodeFrame(bytes, defaultLimits);
  return decoded.ok ? [...decoded.frame.envelope.trace] : [];
}
