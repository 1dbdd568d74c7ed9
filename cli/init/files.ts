// What a new project holds.

import { type Template, templateFile } from './templates.ts';

export interface Project {
  readonly name: string;
  readonly template: Template;
  /** What package.json says for bytesandbrains and for ONNX Runtime. */
  readonly dependency: string;
  readonly onnxRuntime: string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The commands that a user of the project types first. */
export function firstCommands({ template }: Pick<Project, 'template'>): readonly string[] {
  const verify = template.verifies ? ' --verify' : '';
  return [
    `npx bbc run model.ts --peers topology.json --random 1${verify}`,
    'npx bbc compile model.ts --peers topology.json -o dist',
    'npx bbc run dist --random 1',
    'npx bbc explain dist',
    'npx bbc lint model.ts --peers topology.json',
  ];
}

/** Path to text. */
export function projectFiles(project: Project): Readonly<Record<string, string>> {
  const { name, template, dependency, onnxRuntime } = project;
  const withPeers = 'model.ts --peers topology.json';
  return {
    'package.json': json({
      name,
      version: '0.1.0',
      private: true,
      type: 'module',
      scripts: {
        compile: `bbc compile ${withPeers} -o dist`,
        run: `bbc run ${withPeers} --random 1${template.verifies ? ' --verify' : ''}`,
        lint: `bbc lint ${withPeers}`,
        graph: 'bbc compile model.ts --peers topology.json -o dist && bbc graph dist -o graph.html',
      },
      dependencies: { bytesandbrains: dependency, 'onnxruntime-node': onnxRuntime },
      // Both work without their install scripts; that of ONNX Runtime would fetch CUDA files.
      allowScripts: { 'onnxruntime-node': false, esbuild: false },
    }),
    // For versions of npm that do not know allowScripts.
    '.npmrc': 'onnxruntime-node-install=skip\n',
    'tsconfig.json': json({
      compilerOptions: {
        target: 'es2022',
        lib: ['es2023'],
        module: 'esnext',
        moduleResolution: 'bundler',
        strict: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: true,
        noEmit: true,
        types: [],
      },
      include: ['*.ts'],
    }),
    // What is there to set stands in the schema; none of it differs from the defaults.
    'bytesandbrains.json': json({
      $schema: './node_modules/bytesandbrains/dist/schemas/config.schema.json',
      lint: { rules: {} },
    }),
    '.gitignore': 'node_modules/\ndist/\ngraph.html\n',
    'README.md': readme(project),
    'model.ts': templateFile(template, 'model.ts'),
    'topology.json': templateFile(template, 'topology.json'),
  };
}

function readme(project: Project): string {
  return `# ${project.name}

${project.template.about[0]!.toUpperCase()}${project.template.about.slice(1)}.

- \`model.ts\`: the computation.
- \`topology.json\`: the peers it runs on, and the links between them.
- \`bytesandbrains.json\`: levels of lint rules; \`npx bbc lint --rules\` lists the rules.

\`\`\`sh
npm install
${firstCommands(project).join('\n')}
\`\`\`

\`npx bbc --help\` lists all commands, \`npx bbc run --help\` shows examples of one.
`;
}
