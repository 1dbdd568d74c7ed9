// bbc check: is a file a valid ONNX model?

import { hasErrors } from '../../ir/diagnostic.ts';
import { command } from '../frame.ts';

export const check = command<{ readonly plain?: boolean }>({
  usage: 'check <files...>',
  summary: 'say whether models are valid ONNX',
  options: (c) =>
    c
      .option('--full', 'structure, and types and shapes too (what is done anyway)')
      .option('--plain', 'structure only')
      .option('--json', 'print one JSON document: { ok, diagnostics }'),
  examples: ['bbc check model.onnx', 'bbc check --plain model.onnx', 'bbc check models/*.onnx --json'],
  async run(cx, files, { plain }) {
    const [{ loadSource }, { Verdict }] = await Promise.all([
      import('../load.ts'),
      import('../../compiler/index.ts'),
    ]);
    for (const [index, file] of files.entries()) {
      if (files.length > 1) cx.progress(`${index + 1} of ${files.length}: ${file}`);
      const { model, diagnostics } = await loadSource(file, { name: file });
      const verdict = model && new Verdict(model);
      const judged = plain ? verdict?.plain() : verdict?.full();
      const problems = [...diagnostics, ...(judged ?? [])];
      cx.report(problems);
      if (!hasErrors(problems)) cx.print(`${file}: valid`);
    }
  },
});
