import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeEvent, eventKinds, severityOf } from '../../runtime/host/observe/events.ts';
import { logRecord } from '../../runtime/host/observe/log.ts';
import { eventSamples } from '../support/event-samples.ts';
import { projectRoot } from '../support/root.ts';

const all = Object.values(eventSamples).flat();

test('every event has one line of text, without a hole in it', () => {
  expect(Object.keys(eventSamples).sort()).toEqual([...eventKinds].sort());
  for (const event of all) expect(describeEvent(event)).not.toMatch(/undefined|null|NaN|\[object|\n/);
});

test('a flow that did not come out says which value, which peer, which edge and which deadline', () => {
  const [, partial, failed] = eventSamples['flow-ended'];
  expect(severityOf(failed!)).toBe('error');
  expect(describeEvent(partial!)).toBe(
    'flow server:1:2 partial: gradient did not come from phone/3 over edge 1 within its deadline of 10 s',
  );
});

test('a log line is one JSON object with time, level, kind, peer and flow, and no elements of values', () => {
  const record = logRecord(eventSamples.output[0]!, 'server', Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  expect(JSON.parse(JSON.stringify(record))).toEqual({
    time: '2026-01-02T03:04:05.678Z',
    level: 'app',
    severity: 'debug',
    kind: 'output',
    peer: 'server',
    flow: 'server:1:2',
    text: 'output of flow server:1:2: scores is float32[2]',
    event: { name: 'scores', value: 'float32[2]' },
  });
  for (const event of all) {
    const line = JSON.stringify(logRecord(event, 'server', 0));
    expect(line.length).toBeLessThan(1000);
    expect(JSON.parse(line)).toMatchObject({ peer: 'server', kind: event.kind, text: describeEvent(event) });
  }
});

test('docs/events.md is what the table and the samples say', async () => {
  const { eventsPage } = (await import(path.join(projectRoot, 'scripts/events-page.mjs'))) as {
    eventsPage: (samples: typeof eventSamples) => Promise<string>;
  };
  const page = readFileSync(path.join(projectRoot, 'docs/events.md'), 'utf8');
  expect(page).toBe(await eventsPage(eventSamples));
});
