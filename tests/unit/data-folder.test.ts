// What a peer's data folder keeps, and what comes of one that a crash, or somebody, has been at.

import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { DataFolder } from '../../runtime/host/node.ts';
import { decodeProgram } from '../../runtime/index.ts';
import { call, core, f32, makeBundle, numbers } from '../sim/programs.ts';

const root = mkdtempSync(path.join(tmpdir(), 'data-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Counts what it is given. */
const program = decodeProgram(
  makeBundle({
    class: 'a',
    members: { a: ['a'] },
    inputs: ['x'],
    constants: { zero: f32(0) },
    ops: [
      core('StateRead', ['zero'], ['w'], 1, { key: 'w' }),
      call('add', ['w', 'x'], ['w1'], 1),
      core('StateAssign', ['w1'], [], 1, { key: 'w' }),
    ],
  }),
);
const identity = { peer: 'a', deployment: 'd', incarnation: 7 };
let made = 0;
const fresh = (): string => path.join(root, `folder-${made++}`);

/** Opens the folder, runs so many flows, and leaves it as a process does that is killed, or one that ends. */
async function life(folder: string, flows: number, ends = true, snapshotBytes?: number) {
  const data = await DataFolder.open(folder, snapshotBytes ? { ...identity, snapshotBytes } : identity);
  const durable = data.revive({ program, peer: 'a', incarnation: data.incarnation });
  const before = durable.node.state.get('w');
  let todo = flows;
  for (;;) {
    const output = durable.poll(data.clock.now());
    if (output.type === 'persist')
      await new Promise<void>((resolve) => {
        data.keep(output.record, output.bytes, () => {
          durable.handle(data.clock.now(), { type: 'persisted', record: output.record });
          resolve();
        });
      });
    if (output.type === 'work') {
      const [x, y] = output.inputs as readonly Tensor[];
      const outputs = [f32(numbers(x!)[0]! + numbers(y!)[0]!)];
      durable.handle(data.clock.now(), { type: 'done', work: output.work, outputs });
    }
    if (output.type === 'idle') {
      if (todo-- === 0) break;
      data.calls.call();
      durable.handle(data.clock.now(), { type: 'invoke', entry: 'main', values: { x: f32(1) }, request: 1 });
    }
  }
  if (ends) await data.close();
  return { data, before: before && numbers(before)[0], now: data.clock.now() };
}

describe('a data folder', () => {
  test('gives the peer back as it was, with its incarnation, its calls and a clock that goes on', async () => {
    const folder = fresh();
    const first = await life(folder, 3);
    expect([first.before, first.data.isRevived, first.data.incarnation]).toEqual([undefined, false, 7]);
    const again = { ...identity, incarnation: 99 };
    const data = await DataFolder.open(folder, again);
    expect([data.isRevived, data.incarnation, data.cutBytes]).toEqual([true, 7, 0]);
    expect(data.clock.now()).toBeGreaterThanOrEqual(first.now);
    const durable = data.revive({ program, peer: 'a', incarnation: 7 });
    expect(numbers(durable.node.state.get('w') as Tensor)).toEqual([3]);
    // What came after the last record may not have been heard, so it is told again.
    expect(data.calls).toMatchObject({ made: 3, ended: 2, open: 1 });
    for (let output = durable.poll(0); output.type !== 'idle'; output = durable.poll(0))
      if (output.type === 'event') data.calls.note(output.event);
    expect(data.calls).toMatchObject({ made: 3, ended: 3, open: 0 });
    await data.close();
    expect((await life(folder, 2)).before).toBe(3);
    expect((await life(folder, 0)).before).toBe(5);
  });

  test('drops what a crash left at the end of its journal, and goes on behind what is good', async () => {
    const folder = fresh();
    await life(folder, 2);
    const journal = path.join(folder, 'journal-0');
    const whole = readFileSync(journal);
    for (const tail of [Uint8Array.of(9), new Uint8Array(100), whole.subarray(8, 30)]) {
      writeFileSync(journal, whole);
      appendFileSync(journal, tail);
      const { data, before } = await life(folder, 1);
      expect([data.cutBytes, before]).toEqual([tail.length, 2]);
      expect((await life(folder, 0)).before).toBe(3);
    }
    // Cut off in its head.
    writeFileSync(journal, whole.subarray(0, 5));
    expect((await life(folder, 1)).before).toBeUndefined();
    expect((await life(folder, 0)).before).toBe(1);
  });

  test('is not taken with damage in the middle, or of a newer version', async () => {
    const folder = fresh();
    await life(folder, 2);
    const journal = path.join(folder, 'journal-0');
    const whole = readFileSync(journal);
    const damaged = Uint8Array.from(whole);
    damaged[20]! ^= 1;
    writeFileSync(journal, damaged);
    await expect(DataFolder.open(folder, identity)).rejects.toThrow(
      'BB862: the peer cannot be brought back: journal-0 is damaged at byte 8',
    );
    const newer = Uint8Array.from(whole);
    newer[4] = 2;
    writeFileSync(journal, newer);
    await expect(DataFolder.open(folder, identity)).rejects.toThrow('a journal of version 2; this reads 1');
    writeFileSync(path.join(folder, 'identity.json'), '{');
    await expect(DataFolder.open(folder, identity)).rejects.toThrow('identity.json is damaged');
    // Whoever could not open it does not keep it.
    expect(existsSync(path.join(folder, 'lock'))).toBe(false);
  });

  test('begins its journal anew with a snapshot when it has grown, and comes back from both', async () => {
    const folder = fresh();
    for (let flows = 0; flows < 60; flows += 10) {
      const { data, before } = await life(folder, 10, true, 2000);
      expect(before).toBe(flows === 0 ? undefined : flows);
      expect(data.calls).toMatchObject({ made: flows + 10 });
      const names = readdirSync(folder).filter((name) => /^(journal|snapshot)-/.test(name));
      expect(names.length).toBeLessThanOrEqual(2);
    }
    expect(readdirSync(folder).some((name) => name.startsWith('snapshot-'))).toBe(true);
    // What was under way when the snapshot was taken is asked for again.
    expect((await life(folder, 0)).before).toBe(60);
  });

  test('is of one peer, of one deployment, and open in one process', async () => {
    const folder = fresh();
    await life(folder, 1, false);
    await expect(DataFolder.open(folder, identity)).rejects.toThrow(`BB861: process ${process.pid} has`);
    // The process is gone, without a farewell.
    writeFileSync(path.join(folder, 'lock'), String(2 ** 22 + 1));
    await (await DataFolder.open(folder, identity)).close();
    for (const other of [{ peer: 'b' }, { deployment: 'e' }])
      await expect(DataFolder.open(folder, { ...identity, ...other })).rejects.toThrow('BB860');
    writeFileSync(path.join(root, 'file'), '');
    await expect(DataFolder.open(path.join(root, 'file'), identity)).rejects.toThrow('BB882');
  });
});
