// bbc init: a new project that runs at once.

import { UsageError } from '../context.ts';
import { command } from '../frame.ts';
import type { Template } from '../init/templates.ts';

interface Options {
  readonly template?: string;
  readonly name?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export const DEFAULT_FOLDER = 'demo';

export const init = command<Options>({
  usage: 'init [folder]',
  summary: 'start a new project that runs at once',
  options: (c) =>
    c
      .option('-t, --template <name>', 'hello (one peer), split (phone and server) or cohort (many phones)')
      .option('--name <name>', 'of the package; by default the folder’s')
      .option('-y, --yes', 'ask nothing: take the defaults')
      .option('--force', 'write over files in a folder that is not empty')
      .option('--json', 'print what was made as one JSON document, and ask nothing'),
  examples: [
    'bbc init demo',
    'bbc init demo --template split --yes',
    'bbc init . --template cohort --name mine',
  ],
  async run(cx, [folder], options) {
    const [{ createProject, isPackageName, nameAfter }, { firstCommands }, { templates }] = await Promise.all(
      [import('../init/create.ts'), import('../init/files.ts'), import('../init/templates.ts')],
    );
    const { template: wanted, name } = options;
    const template = templates.find((one) => one.name === wanted);
    if (wanted !== undefined && template === undefined) {
      throw new UsageError(
        `--template is one of ${templates.map((one) => one.name).join(', ')}, not '${wanted}'`,
      );
    }
    if (name !== undefined && !isPackageName(name)) {
      throw new UsageError(`--name '${name}' is no package name: lower-case letters, digits, - . and _`);
    }
    const answers = await askRest(folder, template, options);
    const made = { folder: answers.folder ?? DEFAULT_FOLDER, template: answers.template ?? templates[0]! };
    const project = { ...made, name: name ?? nameAfter(made.folder), force: options.force === true };
    const files = createProject(project);
    const enter =
      made.folder === '.'
        ? []
        : [`cd ${/^[\w./-]+$/.test(made.folder) ? made.folder : JSON.stringify(made.folder)}`];
    const commands = [...enter, 'npm install', ...firstCommands(project)];
    cx.result({ folder: made.folder, name: project.name, template: made.template.name, files, commands });
    cx.print(`${cx.colours.bold(project.name)}: ${made.template.name}, ${made.template.about}`);
    cx.print(files.join(', '));
    cx.print();
    for (const line of commands) cx.print(`  ${line}`);
  },
});

/** What the command line leaves open, if somebody is there to answer. */
async function askRest(
  folder: string | undefined,
  template: Template | undefined,
  { yes, json }: Options,
): Promise<{ readonly folder: string | undefined; readonly template: Template | undefined }> {
  if (yes || json || !process.stdin.isTTY || (folder !== undefined && template !== undefined)) {
    return { folder, template };
  }
  const { askFolder, askTemplate, onTerminal } = await import('../init/ask.ts');
  return onTerminal(async (ask) => ({
    folder: folder ?? (await askFolder(ask)),
    template: template ?? (await askTemplate(ask)),
  }));
}
