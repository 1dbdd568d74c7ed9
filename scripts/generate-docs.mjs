// Makes again what documents show of the program: what the commands of explanations and pages print,
// docs/diagnostics.md, docs/operators.md and docs/events.md. `node scripts/generate-docs.mjs NAME…` does only what begins with one of the names.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { diagnosticsPage } from './diagnostics-page.mjs';
import { eventsPage } from './events-page.mjs';
import { operatorsPage } from './operators-page.mjs';
import { importTs } from './run-ts.mjs';

const root = path.dirname(import.meta.dirname);
const names = process.argv.slice(2);
const asked = (file) => names.length === 0 || names.some((name) => file.startsWith(name));
const write = (file, text) => {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  writeFileSync(file, text);
  process.stdout.write(`  ${path.relative(root, file)}\n`);
};
const support = (file) => importTs(path.join(root, 'tests/support', file));

if (!existsSync(path.join(root, 'dist/cli/main.js'))) {
  process.stderr.write('run `npm run build` first\n');
  process.exit(2);
}
const { explanations, explanationFolder, tryExplanation } = await support('explanations.ts');
for (const file of explanations().filter(asked)) {
  write(path.join(explanationFolder, file), (await tryExplanation(file)).page);
}
// What `bbc explain` and the catalogue read.
cpSync(explanationFolder, path.join(root, 'dist/cli/explain/codes'), { recursive: true });
const { docsFolder, pages, runDocsPage } = await support('docs.ts');
// One after the other: they change the folder of this process.
for (const file of pages().filter(asked)) {
  write(path.join(docsFolder, file), (await runDocsPage(file)).page);
}
if (asked('operators.md')) write(path.join(docsFolder, 'operators.md'), await operatorsPage());
if (asked('diagnostics.md')) write(path.join(docsFolder, 'diagnostics.md'), await diagnosticsPage());
if (asked('events.md')) {
  const { eventSamples } = await support('event-samples.ts');
  write(path.join(docsFolder, 'events.md'), await eventsPage(eventSamples));
}
// Backends of explanations that were run may keep the loop open.
process.exit(0);
