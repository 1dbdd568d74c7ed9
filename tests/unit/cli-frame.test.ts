import { describe, expect, test } from 'vitest';
import { type CommandContext, UsageError } from '../../cli/context.ts';
import { command, EXIT, runCli } from '../../cli/frame.ts';
import { formatBytes, formatNs, formatTable, paint, prettyDiagnostic } from '../../cli/output.ts';
import { DiagnosticError, diagnostic } from '../../ir/index.ts';

const problem = diagnostic(
  'BB101',
  { reason: 'empty' },
  { at: { file: 'a.onnx', line: 2, column: 3 }, excerpt: 'abc\n  ^' },
);

function probe(run: (cx: CommandContext) => void, options: { tty?: boolean; noColor?: boolean } = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const spec = command<object>({
    usage: 'probe [file]',
    summary: 'for tests',
    options: (c) => c.option('--json', 'print JSON').option('--split <k>', 'parts'),
    examples: ['bbc probe x'],
    run: async (cx) => run(cx),
  });
  const io = {
    stdout: { write: (text: string) => out.push(text), isTTY: options.tty === true },
    stderr: { write: (text: string) => err.push(text), isTTY: options.tty === true },
    env: options.noColor ? { NO_COLOR: '1' } : {},
  };
  return async (...argv: string[]) => {
    const status = await runCli([spec], argv, io, '1.2.3');
    return { status, out: out.join(''), err: err.join('') };
  };
}

describe('the exit status', () => {
  test('is 0 when all is well', async () => {
    const { status, out } = await probe((cx) => cx.print('hello'))('probe');
    expect([status, out]).toEqual([EXIT.fine, 'hello\n']);
  });
  test('is 1 for problems of the input, shown on stderr with place, caret and hint', async () => {
    const { status, out, err } = await probe(() => {
      throw new DiagnosticError(problem);
    })('probe');
    expect([status, out]).toEqual([EXIT.input, '']);
    expect(err).toBe(
      'a.onnx:2:3: error BB101: not an ONNX model: empty\n    abc\n      ^\n' +
        '  try: check that the file is complete and was saved as a binary .onnx file\n' +
        'for more: bbc explain BB101\n',
    );
  });
  test('is told once where the last diagnostic is explained, errors first, and not with --json', async () => {
    const warning = diagnostic('BB218', undefined);
    const run = probe((cx) => cx.report([problem, problem, warning]));
    const { err } = await run('probe');
    expect(err.match(/for more: .*/g)).toEqual(['for more: bbc explain BB101']);
    expect(err.endsWith('for more: bbc explain BB101\n')).toBe(true);
    const json = await probe((cx) => cx.report([problem]))('probe', '--json');
    expect(json.err).not.toContain('for more');
    expect((await probe((cx) => cx.report([warning]))('probe')).err).toContain('bbc explain BB218\n');
  });
  test('is 2 for an unknown command, with a suggestion', async () => {
    const { status, err } = await probe(() => {})('prob');
    expect(status).toBe(EXIT.usage);
    expect(err).toContain("unknown command 'prob'");
    expect(err).toContain('Did you mean probe?');
  });
  test('is 2 for an unknown option, with a suggestion', async () => {
    const { status, err } = await probe(() => {})('probe', '--splt', '3');
    expect(status).toBe(EXIT.usage);
    expect(err).toContain('Did you mean --split?');
  });
  test('is 2 for what the command itself calls wrong usage', async () => {
    const { status, err } = await probe(() => {
      throw new UsageError("transport 'http' is not there yet");
    })('probe');
    expect(status).toBe(EXIT.usage);
    expect(err).toContain("error: transport 'http' is not there yet");
  });
  test('is 3 for our own bugs, with the stack', async () => {
    const { status, err } = await probe(() => {
      throw new TypeError('oops');
    })('probe');
    expect(status).toBe(EXIT.bug);
    expect(err).toContain('TypeError: oops\n    at ');
    expect(err).toContain('report it');
  });
  test('is 0 for help, which lists examples, and for the version', async () => {
    const help = await probe(() => {})('probe', '--help');
    expect(help.status).toBe(EXIT.fine);
    expect(help.out).toContain('Examples:\n  bbc probe x');
    expect((await probe(() => {})('--version')).out).toBe('1.2.3\n');
  });
});

describe('--json', () => {
  test('prints the result and nothing else on stdout', async () => {
    const { out } = await probe((cx) => {
      cx.print('for people');
      cx.result({ flows: 1 });
    })('probe', '--json');
    expect(JSON.parse(out)).toEqual({ flows: 1 });
  });
  test('prints one document also when the input has problems', async () => {
    const { out, status } = await probe(() => {
      throw new DiagnosticError(problem);
    })('probe', '--json');
    expect(status).toBe(EXIT.input);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      diagnostics: [
        {
          code: 'BB101',
          severity: 'error',
          message: 'not an ONNX model: empty',
          hint: problem.hint,
          op: null,
          value: null,
          file: 'a.onnx',
          line: 2,
          column: 3,
          offset: null,
        },
      ],
    });
  });
});

describe('colours', () => {
  const run = (cx: CommandContext): void => cx.report([problem]);
  test('show on a terminal', async () => {
    expect((await probe(run, { tty: true })('probe')).err).toContain('\u001b[31merror BB101');
  });
  test('do not show with NO_COLOR', async () => {
    expect((await probe(run, { tty: true, noColor: true })('probe')).err).not.toContain('\u001b[31m');
  });
  test('do not show in a pipe', async () => {
    expect((await probe(run)('probe')).err).toBe(
      `${prettyDiagnostic(problem, paint(false))}for more: bbc explain BB101\n`,
    );
  });
});

test('progress shows on a terminal only, and is cleared before other text', async () => {
  const work = (cx: CommandContext): void => {
    cx.progress('half way');
    cx.print('done');
  };
  expect((await probe(work, { tty: true })('probe')).err).toBe('\r\u001b[Khalf way\r\u001b[K');
  expect((await probe(work)('probe')).err).toBe('');
});

test('a table aligns its columns by width on screen', () => {
  expect(
    formatTable(
      ['peer', { title: 'bytes', align: 'right' }],
      [
        ['phone', 12],
        ['日本', null],
        ['é\u0301', 1234],
      ],
    ),
  ).toBe('peer   bytes\nphone     12\n日本       –\né\u0301       1234\n');
});

test('units keep three digits', () => {
  expect([0, 512, 1536, 10 * 2 ** 20, 720.2 * 1024, 1023.9 * 1024].map(formatBytes)).toEqual([
    '0 B',
    '512 B',
    '1.5 KiB',
    '10 MiB',
    '720 KiB',
    '1024 KiB',
  ]);
  expect([999, 12_345_678, 2e9].map(formatNs)).toEqual(['999 ns', '12.3 ms', '2 s']);
  expect(formatNs(null)).toBeNull();
});
