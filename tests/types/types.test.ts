import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Project, type SourceFile, SyntaxKind, ts } from 'ts-morph';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

function compiler(): Project {
  return new Project({
    skipAddingFilesFromTsConfig: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      allowImportingTsExtensions: true,
      strict: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
      paths: {
        bytesandbrains: [path.join(root, 'dsl/index.ts')],
        'bytesandbrains/aggregators': [path.join(root, 'stdlib/aggregators/index.ts')],
        'bytesandbrains/*': [path.join(root, 'dsl/*/index.ts')],
      },
    },
  });
}

/** Errors of a file: the line of each, and its whole text. */
function errorsOf(project: Project, file: SourceFile): { line: number; text: string }[] {
  const program = project.getProgram().compilerObject;
  return program.getSemanticDiagnostics(file.compilerNode).map((one) => ({
    line: file.getLineAndColumnAtPos(one.start!).line,
    text: ts.flattenDiagnosticMessageText(one.messageText, '\n'),
  }));
}

const noted = (file: SourceFile, mark: string): { line: number; text: string }[] =>
  file
    .getFullText()
    .split('\n')
    .flatMap((text, index) => {
      const at = text.indexOf(mark);
      return at < 0 ? [] : [{ line: index + 2, text: text.slice(at + mark.length) }];
    });

const project = compiler();
const folder = (name: string): string[] =>
  readdirSync(path.join(import.meta.dirname, name)).map((file) => path.join(import.meta.dirname, name, file));
const misuse = folder('misuse').map((file) => project.addSourceFileAtPath(file));
const good = folder('good').map((file) => project.addSourceFileAtPath(file));

describe('types', () => {
  for (const file of misuse) {
    it(`tell what is wrong with ${file.getBaseNameWithoutExtension()}, where it is wrong, and nothing else`, {
      timeout: 60_000,
    }, () => {
      const errors = errorsOf(project, file);
      const wanted = noted(file, '// error: ');
      expect(wanted.length).toBeGreaterThan(0);
      for (const { line, text } of wanted) {
        const there = errors.filter((error) => error.line === line);
        expect(there.map((error) => error.text).join('\n'), `line ${line}`).toContain(text);
      }
      const lines = new Set(wanted.map(({ line }) => line));
      expect(errors.filter(({ line }) => !lines.has(line))).toEqual([]);
    });
  }

  for (const file of good) {
    it(`let ${file.getBaseNameWithoutExtension()} compile and show its shapes`, { timeout: 60_000 }, () => {
      expect(errorsOf(project, file)).toEqual([]);
      for (const { line, text } of noted(file, '// shows: ')) {
        const declaration = file
          .getDescendantsOfKind(SyntaxKind.VariableDeclaration)
          .find((one) => one.getStartLineNumber() === line)!;
        expect(declaration.getType().getText(declaration), `line ${line}`).toBe(text);
      }
    });
  }

  it('are all that programs need: no casts', () => {
    const programs = path.join(root, 'tests/support/programs');
    const casts = readdirSync(programs).flatMap((name) =>
      project
        .addSourceFileAtPath(path.join(programs, name))
        .getDescendantsOfKind(SyntaxKind.AsExpression)
        .map((one) => `${name}: ${one.getText()}`)
        .filter((text) => !text.endsWith('as const')),
    );
    expect(casts).toEqual([]);
  });

  it('cost at most 130 instantiations per op', { timeout: 120_000 }, () => {
    const count = (ops: number): number => {
      const own = compiler();
      const file = own.createSourceFile(path.join(root, 'tests/types/many.ts'), manyOps(ops));
      expect(errorsOf(own, file)).toEqual([]);
      return own.getProgram().compilerObject.getInstantiationCount();
    };
    const perOp = (count(504) - count(0)) / 504;
    console.log(`${perOp.toFixed(0)} type instantiations per op, 504 ops`);
    expect(perOp).toBeLessThan(130);
  });
});

/** A module of layers with shapes of their own, so that nothing is cached between them. */
function manyOps(ops: number): string {
  const lines: string[] = [];
  for (let layer = 0; layer < ops / 6; layer++) {
    const [from, to] = [layer === 0 ? 64 : 100 + layer, 101 + layer];
    lines.push(
      `const w${layer} = input('w${layer}', float32, [${from}, ${to}]);`,
      `const a${layer} = ${layer === 0 ? 'x' : `e${layer - 1}`}.matmul(w${layer});`,
      `const b${layer} = a${layer}.add(0.5);`,
      `const c${layer} = b${layer}.relu();`,
      `const d${layer} = c${layer}.sub(c${layer}.reduceMean({ axes: [1] }));`,
      `const e${layer} = d${layer}.mul(c${layer});`,
    );
  }
  return `import { float32, input, module } from 'bytesandbrains';
export default module('many', () => {
  const x = input('x', float32, ['N', 64]);
  ${lines.join('\n  ')}
});`;
}
