// What hosts keep of flows, from what peers tell, in whatever order that is heard.

import { expect, test } from 'vitest';
import { FlowBook } from '../../runtime/host/flow-book.ts';
import type { NodeEvent } from '../../runtime/index.ts';
import { f32, makeBundle } from '../sim/programs.ts';

const members = { server: ['server'], phone: ['phone'] };
const server = makeBundle({ class: 'server', members, inputs: ['x'], ops: [] });
const phone = makeBundle({ class: 'phone', members, outputs: ['y'], constants: { y: f32(1) }, ops: [] });
const flow = { kind: 'initiated', initiator: 'server', incarnation: 1, counter: 1 } as const;

test('a peer may be heard before the one that says what a flow belongs to, to the last word', async () => {
  const book = new FlowBook(
    [
      { id: 'server', manifest: server.manifest },
      { id: 'phone', manifest: phone.manifest },
    ],
    () => {},
  );
  const start = book.open({ x: f32(2) }, {});
  const ended: NodeEvent = { kind: 'flow-ended', flow, status: 'complete', causes: [], ops: 0 };
  const late: NodeEvent[] = [
    { kind: 'flow-started', flow, session: flow, step: 3 },
    { kind: 'output', flow, name: 'y', value: f32(5) },
    ended,
  ];
  for (const event of late) expect(book.note('phone', event)).toBeUndefined();
  expect(book.running).toEqual([]);
  const record = book.note('server', {
    kind: 'flow-started',
    flow,
    session: flow,
    step: 3,
    request: start.request,
  });
  expect([...record!.ends]).toEqual([['phone', 'complete']]);
  expect(record!.open.size).toBe(1);
  book.close(book.note('server', ended)!);
  expect(await start.result).toMatchObject({ status: 'complete', step: 3, outputs: { y: f32(5) } });
});

test('of flows that it never hears more of, it keeps only so many', () => {
  const book = new FlowBook([{ id: 'server', manifest: server.manifest }], () => {});
  for (let counter = 1; counter < 1000; counter++)
    book.note('server', { kind: 'flow-started', flow: { ...flow, counter } });
  expect(book.running).toEqual([]);
});
