import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFolder } from '../../runtime/host/node-sink.ts';
import { fileSource } from '../../runtime/host/node-source.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'bb-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a file source', () => {
  it('reads parts and nothing outside', () => {
    writeFileSync(path.join(folder, 'a'), 'abcdef');
    const source = fileSource(path.join(folder, 'a'), 'a');
    expect(Buffer.from(source.read(2, 3)).toString()).toBe('cde');
    expect(source.read(6, 0)).toHaveLength(0);
    expect(() => source.read(4, 3)).toThrow(RangeError);
    expect(() => source.read(-1, 1)).toThrow(RangeError);
    source.close();
    expect(() => source.read(0, 1)).toThrow('a is closed');
  });
});

describe('writing a folder', () => {
  const text = (content: string) => new TextEncoder().encode(content);

  it('joins pieces, copies ranges, fills gaps, and tells size and hash', () => {
    const large = Buffer.alloc(3 << 20, 'large');
    writeFileSync(path.join(folder, 'source'), large);
    const source = fileSource(path.join(folder, 'source'));
    const memory = {
      name: 'memory',
      byteLength: 4,
      read: (at: number, n: number) => large.subarray(at, at + n),
    };
    const expected = Buffer.concat([
      text('head'),
      Buffer.alloc(70_000),
      large.subarray(7, 2_500_000),
      large.subarray(1, 4),
    ]);
    const reference = writeFolder(path.join(folder, 'deep/out'), (sink) =>
      sink.write('phone/weights.bin', [
        text('head'),
        new Uint8Array(70_000),
        { source, offset: 7, byteLength: 2_500_000 - 7 },
        { source: memory, offset: 1, byteLength: 3 },
      ]),
    );
    const written = readFileSync(path.join(folder, 'deep/out/phone/weights.bin'));
    expect(written.equals(expected)).toBe(true);
    expect(reference).toEqual({
      file: 'weights.bin',
      bytes: expected.length,
      sha256: createHash('sha256').update(expected).digest('hex'),
    });
  });

  it('leaves nothing behind if it fails half-way', () => {
    expect(() =>
      writeFolder(path.join(folder, 'deep/out'), (sink) => {
        sink.write('a/b', [text('x')]);
        throw new Error('half-way');
      }),
    ).toThrow('half-way');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('replaces an earlier deployment, also its programs that are gone', () => {
    const out = path.join(folder, 'out');
    const write = (...programs: string[]) =>
      writeFolder(out, (sink) => {
        for (const program of programs) sink.write(`${program}/program.onnx`, [text(program)]);
        const plan = { programs: Object.fromEntries(programs.map((name) => [name, { folder: name }])) };
        sink.write('plan.json', [text(JSON.stringify(plan))]);
      });
    write('phone', 'server');
    write('phone', 'edge');
    expect(readdirSync(out).sort()).toEqual(['edge', 'phone', 'plan.json']);
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('refuses a folder that holds anything else, and leaves it as it was', () => {
    const out = path.join(folder, 'out');
    mkdirSync(out);
    writeFileSync(path.join(out, 'thesis.txt'), 'precious');
    const write = () => writeFolder(out, (sink) => sink.write('plan.json', [text('{}')]));
    expect(write).toThrow(/BB653.*thesis\.txt/s);
    expect(existsSync(path.join(out, 'plan.json'))).toBe(false);
    expect(readdirSync(folder)).toEqual(['out']);
  });
});
