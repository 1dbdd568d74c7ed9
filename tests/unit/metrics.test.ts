import { expect, test } from 'vitest';
import { Counters } from '../../runtime/host/observe/counters.ts';
import { metricsOf } from '../../runtime/host/observe/metrics.ts';
import { prometheusText } from '../../runtime/host/observe/prometheus.ts';
import { noOverhead } from '../../runtime/host/overhead.ts';
import { eventSamples } from '../support/event-samples.ts';
import { readPrometheus } from '../support/prometheus.ts';

const usage = { flows: 1, bytes: 2, outputs: 3, endedFlows: 4, deadlines: 5, work: 6 };
const numbers = {
  peer: 'phone/0',
  class: 'phone',
  deployment: 'd',
  counters: new Counters(),
  overhead: noOverhead(),
  usage,
  network: { sent: 9, resent: 3, control: 4, received: 9, duplicates: 2, givenUp: 1, unkept: 0, shut: 0 },
  connectedPeers: 2,
  queued: { frames: 7, bytes: 8 },
};

test('what happens is counted, and read again from the text', () => {
  const counters = new Counters();
  for (const event of Object.values(eventSamples).flat()) counters.note(event);
  counters.received(100);
  counters.sent(50);
  counters.sent(50);
  counters.worked(2e9, false);
  counters.worked(1e9, true);
  const text = prometheusText(metricsOf({ ...numbers, counters }));
  const families = readPrometheus(text);
  const value = (name: string, labels = '') => families.get(`bytesandbrains_${name}`)?.samples.get(labels);
  expect(value('received_bytes_total')).toBe(100);
  expect(value('frames_sent_total')).toBe(2);
  expect(value('flows_ended_total', 'status="failed"')).toBe(1);
  expect(value('values_missing_total')).toBe(2);
  // Those that were not reported count, too.
  expect(value('dropped_total', 'reason="malformed"')).toBe(42);
  expect(value('dropped_total', 'reason="full"')).toBe(1);
  expect(value('work_total')).toBe(2);
  expect(value('work_failed_total')).toBe(1);
  expect(value('work_seconds_total')).toBe(3);
  expect(value('late_answers_total', 'outcome="dropped"')).toBe(1);
  expect(value('quorums_missed_total')).toBe(1);
  expect(value('evicted_total', 'table="state"')).toBe(3);
  expect(value('evicted_total', 'table="late"')).toBe(20);
  expect(value('queued_bytes')).toBe(8);
  expect(value('network_frames_resent_total')).toBe(3);
  expect(value('network_duplicates_total')).toBe(2);
  expect(value('held_bytes')).toBe(2);
  expect(value('peer_info', 'peer="phone/0",class="phone",deployment="d"')).toBe(1);
  for (const [name, { type, help }] of families) {
    expect(type).toBe(name.endsWith('_total') ? 'counter' : 'gauge');
    expect(help).toMatch(/\.$/);
  }
});

test('labels keep any text within their quotes', () => {
  const label = 'a "b"\\c\nd';
  const families = readPrometheus(prometheusText(metricsOf({ ...numbers, peer: label })));
  expect([...families.get('bytesandbrains_peer_info')!.samples.keys()]).toEqual([
    'peer="a \\"b\\"\\\\c\\nd",class="phone",deployment="d"',
  ]);
});

test('how many numbers there are does not depend on what happens', () => {
  const counters = new Counters();
  const before = prometheusText(metricsOf({ ...numbers, counters })).split('\n').length;
  for (const event of Object.values(eventSamples).flat()) counters.note(event);
  expect(prometheusText(metricsOf({ ...numbers, counters })).split('\n').length).toBe(before);
});
