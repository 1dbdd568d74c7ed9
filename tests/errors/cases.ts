// Bad input and what `bbc` must say: exit status, code, place, and nothing written. Run by
// tests/unit/cli-errors.test.ts and, on the full list of files, by `npm run verify -- spine.6`.

import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface ErrorCase {
  readonly name: string;
  /** Files to be there, besides the fixtures in `errors/` and `modules/`. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Commands that must succeed first. */
  readonly before?: readonly string[];
  /** Done to the folder between `before` and the command. */
  readonly change?: (folder: string) => void;
  readonly command: string;
  readonly exit: 1 | 2;
  /** What stderr must hold: code, place, caret, hint. */
  readonly says: readonly (string | RegExp)[];
}

export const topology = (extra: object = {}): string =>
  JSON.stringify({ version: 1, classes: { phone: {}, server: {} }, ...extra }, null, 2);

const badTopology = (name: string, extra: object, says: ErrorCase['says']): ErrorCase => ({
  name,
  files: { 'bad.json': topology(extra) },
  command: 'compile errors/chain.onnx --peers bad.json -o out',
  exit: 1,
  says,
});

const compiles = (file: string): string => `compile ${file} --peers topology.json -o out`;
const refusedModel = (
  name: string,
  file: string,
  says: ErrorCase['says'],
  bytes?: Uint8Array,
): ErrorCase => ({
  name,
  ...(bytes === undefined ? {} : { files: { [file]: bytes } }),
  command: compiles(file),
  exit: 1,
  says,
});

/** Bytes that look random, and are the same each time. */
function noise(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  let state = 12345;
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    bytes[at] = state >> 16;
  }
  return bytes;
}

const fixtures = path.resolve(import.meta.dirname, '../fixtures');
const chain = readFileSync(path.join(fixtures, 'errors/chain.onnx'));

export const errorCases: readonly ErrorCase[] = [
  refusedModel('an empty .onnx', 'empty.onnx', ['error BB101', 'empty.onnx', 'try: '], new Uint8Array(0)),
  refusedModel(
    'a truncated .onnx',
    'cut.onnx',
    ['error BB101', /cut\.onnx@\d+/, 'try: '],
    chain.subarray(0, 90),
  ),
  refusedModel(
    'random bytes as .onnx',
    'noise.onnx',
    ['error BB101', /noise\.onnx@\d+/, 'try: '],
    noise(4096),
  ),
  refusedModel('a model that is not there', 'gone.onnx', ['error BB880', 'there is no such file', 'try: ']),
  refusedModel('missing external data', 'errors/external-missing.onnx', [
    'error BB102',
    'not-there.bin',
    'value w',
    'try: ',
  ]),
  refusedModel('external data outside the folder', 'errors/external-escapes.onnx', [
    'error BB103',
    '../../../package.json',
    'value w',
    'try: ',
  ]),
  {
    name: 'external data behind a link that leads out of the folder',
    change: (folder) => symlinkSync(process.execPath, path.join(folder, 'errors/not-there.bin')),
    command: compiles('errors/external-missing.onnx'),
    exit: 1,
    says: ['error BB103', 'not-there.bin', 'leaves', 'value w', 'try: '],
  },
  refusedModel('an unknown op', 'errors/unknown-op.onnx', [/error BB2\d\d/, 'Sigmoyd', 'try: ']),
  refusedModel('a cyclic graph', 'errors/cycle.onnx', ['error BB203', 'Add', 'Relu', 'try: ']),
  refusedModel('a type clash', 'errors/type-clash.onnx', [/error BB2\d\d/, 'Add', 'int64', 'float', 'try: ']),
  badTopology('a topology with an unknown field', { clases: {} }, [
    /bad\.json:\d+:\d+: error BB4\d\d/,
    '"clases"',
    '^',
    'try: ',
  ]),
  badTopology('a rule with an unknown peer', { place: [{ where: 'op:Exp', on: 'tablet' }] }, [
    /bad\.json:\d+:\d+: error BB4\d\d/,
    'tablet',
    '^',
    'try: ',
  ]),
  badTopology('a rule that does not parse', { place: [{ where: 'op:Exp and and', on: 'phone' }] }, [
    /bad\.json:\d+:\d+: error BB4\d\d/,
    '"op:Exp and and"',
    '^',
    'try: ',
  ]),
  badTopology(
    'no link between peers that must talk',
    { classes: { phone: {}, edge: {}, server: {} }, links: [{ between: ['phone', 'edge'], latency: '1ms' }] },
    [/bad\.json:\d+:\d+: error BB414/, '"links": [', '^', 'server', 'try: '],
  ),
  badTopology('a peer that computes nothing', { classes: { phone: { compute: '0FLOPS' }, server: {} } }, [
    /bad\.json:\d+:\d+: error BB403/,
    '"0FLOPS"',
    '^',
    'try: ',
  ]),
  badTopology('a class with the name of a file', { classes: { 'plan.json': {}, server: {} } }, [
    /bad\.json:\d+:\d+: error BB403/,
    '"plan.json"',
    '^',
    'try: ',
  ]),
  badTopology('classes that differ by case only', { classes: { Phone: {}, phone: {} } }, [
    /bad\.json:\d+:\d+: error BB403/,
    '^',
    'try: ',
  ]),
  badTopology('a backend that does not exist', { classes: { phone: { backend: 'tvm' }, server: {} } }, [
    /bad\.json:\d+:\d+: error BB505/,
    '"tvm"',
    '^',
    'try: ',
  ]),
  {
    name: 'a file where the deployment should go',
    files: { out: 'precious' },
    command: compiles('errors/chain.onnx'),
    exit: 1,
    says: ['error BB882', 'out', 'try: '],
  },
  badTopology(
    'memory that no cut can satisfy',
    { classes: { phone: { memory: '8B' }, server: { memory: '8B' } } },
    [/error BB4\d\d/, 'memory', 'try: '],
  ),
  {
    name: 'a topology that is not there',
    command: 'compile errors/chain.onnx --peers gone.json -o out',
    exit: 1,
    says: ['error BB880', 'gone.json', 'there is no such file', 'try: '],
  },
  refusedModel('a model.ts that throws', 'modules/throws.ts', [
    'lib/layers.ts:9:9: error BB383',
    'layer count must be positive',
    '^',
    'try: ',
  ]),
  refusedModel('a model.ts that does not type-check', 'modules/type-error.ts', [
    'type-error.ts:6:24: error BB382',
    'inner dimensions differ: 784 and 10',
    '^',
    'try: ',
  ]),
  refusedModel('a model.ts that exports no module', 'modules/no-module.ts', [
    'no-module.ts: error BB384',
    'try: ',
  ]),
  refusedModel('a model.ts with a syntax error', 'modules/syntax.ts', [
    'syntax.ts:2:17: error BB381',
    '^',
    'try: ',
  ]),
  {
    ...refusedModel('a value made outside of a module', 'outside.ts', [
      'outside.ts:2:11: error BB301',
      '^',
      'try: ',
    ]),
    files: {
      'outside.ts':
        "import { float32, input, module, output } from 'bytesandbrains';\nconst x = input('x', float32, [1]);\n" +
        "export default module('m', () => output('y', x));\n",
    },
  },
  {
    ...refusedModel('a dimension that is no size', 'negative.ts', [
      'negative.ts:2:46: error BB309',
      '-4',
      '^',
    ]),
    files: {
      'negative.ts':
        "import { float32, input, module, output } from 'bytesandbrains';\n" +
        "export default module('m', () => { const x = input('x', float32, [-4]); output('y', x.add(1)); });\n",
    },
  },
  {
    name: 'an input of wrong dtype',
    files: { 'x.json': JSON.stringify({ x: { dtype: 'int64', dims: [4], data: [1, 2, 3, 4] } }) },
    command: 'run errors/chain.onnx --peers topology.json --inputs x.json',
    exit: 1,
    says: [/error BB\d\d\d/, 'x', 'int64[4]', 'float32[4]', 'try: '],
  },
  {
    name: 'an input of wrong shape',
    files: { 'x.json': JSON.stringify({ x: { dtype: 'float32', dims: [5], data: [1, 2, 3, 4, 5] } }) },
    command: 'run errors/chain.onnx --peers topology.json --inputs x.json',
    exit: 1,
    says: [/error BB\d\d\d/, 'x', 'float32[5]', 'float32[4]', 'try: '],
  },
  {
    name: 'a file of inputs that is not there',
    command: 'run errors/chain.onnx --peers topology.json --inputs gone.npz',
    exit: 1,
    says: ['gone.npz: error BB880', 'there is no such file', 'try: '],
  },
  {
    name: 'outputs in an unknown format',
    command: 'run errors/chain.onnx --peers topology.json --random 1 --outputs y.txt',
    exit: 1,
    says: ['error BB824', 'y.txt', 'try: '],
  },
  {
    name: 'a size for a dimension that no input has',
    command: 'run errors/chain.onnx --peers topology.json --random 1 --dim N=3',
    exit: 2,
    says: ["'N'"],
  },
  {
    name: 'an input left out',
    command: 'run errors/chain.onnx --peers topology.json',
    exit: 1,
    says: [/error BB\d\d\d/, 'x', 'float32[4]', 'try: '],
  },
  {
    name: 'a bundle with a changed byte',
    before: [compiles('errors/chain.onnx')],
    change: (folder) => {
      const file = path.join(folder, 'out/phone/program.onnx');
      const bytes = readFileSync(file);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(file, bytes);
    },
    command: 'run out --random 1',
    exit: 1,
    says: ['error BB650', 'out/phone/program.onnx', 'try: '],
  },
  {
    name: 'a transport that is not there',
    command: 'run errors/chain.onnx --peers topology.json --random 1 --transport http',
    exit: 2,
    says: ['http', 'not there'],
  },
  {
    name: 'a backend that is not there',
    command: 'conformance errors --backend webgpu',
    exit: 2,
    says: ["--backend is ort or cpu, not 'webgpu'"],
  },
  {
    name: 'an unknown command',
    command: 'compil x.onnx',
    exit: 2,
    says: ["unknown command 'compil'", 'Did you mean compile?'],
  },
  {
    name: 'a subject that nothing is compared in',
    command: 'bench backends',
    exit: 2,
    says: ["bbc bench compares strategies, not 'backends'"],
  },
  {
    name: 'a strategy that is not there',
    command: 'bench strategies --strategies fedAvgg',
    exit: 2,
    says: ['there is no fedAvgg', 'did you mean fedAvg?'],
  },
  {
    name: 'an unknown option',
    command: `${compiles('errors/chain.onnx')} --jsn`,
    exit: 2,
    says: ["unknown option '--jsn'", 'Did you mean --json?'],
  },
  { name: 'a required option left out', command: 'compile errors/chain.onnx', exit: 2, says: ['--peers'] },
  {
    name: 'an unknown pass',
    command: `${compiles('errors/chain.onnx')} --print-after cut`,
    exit: 2,
    says: ["not 'cut'", 'place'],
  },
];

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Files that the command made or removed. */
  readonly changed: readonly string[];
}

export type Printed = Omit<Outcome, 'changed'>;

/** Runs a case in a folder of its own; `run` is `bbc` in that folder, by default the built one. */
export async function runCase(
  one: ErrorCase,
  run: (folder: string, argv: readonly string[]) => Promise<Printed> = builtBbc,
): Promise<Outcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bbc-'));
  try {
    for (const name of ['errors', 'modules'])
      cpSync(path.join(fixtures, name), path.join(folder, name), { recursive: true });
    writeFileSync(path.join(folder, 'topology.json'), topology());
    for (const [file, content] of Object.entries(one.files ?? {})) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), content);
    }
    for (const command of one.before ?? []) {
      const { status, stderr } = await run(folder, command.split(' '));
      if (status !== 0) throw new Error(`${command}: ${stderr}`);
    }
    one.change?.(folder);
    const before = list(folder);
    const outcome = await run(folder, one.command.split(' '));
    const after = list(folder);
    const changed = [
      ...after.filter((file) => !before.includes(file)),
      ...before.filter((file) => !after.includes(file)),
    ];
    return { ...outcome, changed };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const list = (folder: string): string[] => (readdirSync(folder, { recursive: true }) as string[]).sort();

const main = path.resolve(import.meta.dirname, '../../dist/cli/main.js');

const builtBbc = (cwd: string, argv: readonly string[]): Promise<Printed> =>
  new Promise((resolve) => {
    execFile(process.execPath, [main, ...argv], { cwd }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

/** What is wrong with an outcome; empty if nothing is. */
export function faults({ exit, says }: ErrorCase, { status, stdout, stderr, changed }: Outcome): string[] {
  const found: string[] = [];
  if (status !== exit) found.push(`exit status ${status} instead of ${exit}`);
  for (const text of says) {
    const said = typeof text === 'string' ? stderr.includes(text) : text.test(stderr);
    if (!said) found.push(`stderr does not say ${text}`);
  }
  if (stdout !== '') found.push(`stdout says ${stdout.slice(0, 200)}`);
  if (changed.length > 0) found.push(`files changed: ${changed.join(', ')}`);
  return found.length === 0 ? [] : [...found, stderr];
}
