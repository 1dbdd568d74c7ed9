// bbc infer: the type of every value, as the compiler sees it.

import { command } from '../frame.ts';

interface Options {
  readonly check: boolean;
  readonly input?: readonly string[];
}

export const infer = command<Options>({
  usage: 'infer <files...>',
  summary: 'show the inferred type of every value',
  options: (c) =>
    c
      .option(
        '--input <name=type>',
        'take another type for an input, such as x=float32[2,3]; can be given again',
        (text: string, before: readonly string[] = []) => [...before, text],
      )
      .option('--no-check', 'do not type-check a model.ts')
      .option(
        '--json',
        'print one JSON document: { tensors: { NAME: { elem_type, dims } }, unknown }; for several files { files: { FILE: … } }',
      ),
  examples: [
    'bbc infer model.onnx',
    'bbc infer model.ts --json',
    'bbc infer model.onnx --input x=float32[1,3,224,224] --input mask=bool[1,?]',
    'bbc infer models/*.onnx --json',
  ],
  async run(cx, files, { check, input = [] }) {
    const [{ loadSource }, { answersOf, typeRows }, { overridden, readOverride }, { Verdict }] =
      await Promise.all([
        import('../load.ts'),
        import('../infer/answers.ts'),
        import('../infer/override.ts'),
        import('../../compiler/index.ts'),
      ]);
    const overrides = input.map(readOverride);
    const documents: [string, unknown][] = [];
    for (const [index, file] of files.entries()) {
      if (files.length > 1) cx.progress(`${index + 1} of ${files.length}: ${file}`);
      const loaded = await loadSource(file, { check, name: file });
      const given = loaded.model && overridden(loaded.model, overrides);
      const typed = given?.model && new Verdict(given.model).types();
      const problems = [...loaded.diagnostics, ...(given?.diagnostics ?? []), ...(typed?.diagnostics ?? [])];
      cx.report(problems);
      documents.push([file, answersOf(typed?.model, problems)]);
      if (files.length > 1) cx.print(`${index > 0 ? '\n' : ''}${file}`);
      if (typed !== undefined) cx.printTable(['value', 'type', 'made by'], typeRows(typed.model));
    }
    cx.result(files.length === 1 ? documents[0]![1] : { files: Object.fromEntries(documents) });
  },
});
