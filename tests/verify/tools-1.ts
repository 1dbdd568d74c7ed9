// Done line 1: every lint rule has a good and a bad example that show it; all examples lint clean; ten modules with
// seeded faults give exactly these; SARIF validates; 10,000 ops lint in under a second.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { chainModel } from '../../bench/synthetic.ts';
import { rules } from '../../cli/lint/rules.ts';
import { chainTopology, rules as graphRules, lint } from '../../compiler/index.ts';
import { foundFaults, seededFaults, seededModules } from '../support/lint-seeded.ts';
import { projectRoot } from '../support/root.ts';
import { sarifProblems } from '../support/sarif.ts';
import { runTests } from './run-tests.ts';
import type { Line } from './verification.ts';

const OPS = 10_000;
const ROUNDS = 8;
const examplesOfRules = 'tests/lint/';

const verify: Line = async (cx) => {
  cx.figure('rules, each with a good and a bad example', rules.length, rules.length >= 24);
  const report = path.join(cx.folder, 'report.json');
  const files = readdirSync(path.join(projectRoot, examplesOfRules))
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => examplesOfRules + file);
  const statuses = await cx.step('tests', () => runTests(files, report));
  for (const file of files) {
    const tests = Object.values(statuses[file] ?? {});
    const passed = tests.filter((status) => status === 'passed').length;
    cx.figure(file, `${passed} of ${tests.length} tests pass`, tests.length > 0 && passed === tests.length);
  }

  const examples = readdirSync(path.join(projectRoot, 'examples')).filter((name) => /^\d/.test(name));
  for (const name of examples.sort()) {
    const { status, problems, count } = await cx.step(`examples/${name}`, () => lintToSarif(name));
    cx.figure(`examples/${name}`, `${count} findings, exit ${status}`, status === 0 && count === 0);
    cx.figure(`examples/${name} as SARIF`, problems.join('; ') || 'valid', problems.length === 0);
  }
  for (const name of seededModules) {
    const found = await cx.step(`seeded/${name}`, () => foundFaults(name));
    const wanted = seededFaults(name);
    const same = JSON.stringify(found) === JSON.stringify(wanted);
    cx.figure(`seeded/${name}`, same ? found.join(', ') : `${found} instead of ${wanted}`, same);
  }
  const { rulesMs, wholeMs } = await cx.step('speed', lintTimes);
  cx.figure(`${OPS} ops on three peers, compiled and linted`, `${wholeMs} ms of processor`, wholeMs < 1000);
  cx.note(`${rulesMs} ms of them in rules; with a process of its own and the file to read it is more`);
};
export default verify;

/** The built command on an example. */
function lintToSarif(name: string): { status: number; count: number; problems: readonly string[] } {
  const at = path.join('examples', name);
  const args = ['lint', `${at}/model.ts`, '--peers', `${at}/topology.json`, '--format', 'sarif'];
  const cli = path.join(projectRoot, 'dist/cli/main.js');
  const { status, stdout } = spawnSync(process.execPath, [cli, ...args], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  const log = JSON.parse(stdout) as { runs: readonly { results: readonly unknown[] }[] };
  return { status: status ?? -1, count: log.runs[0]!.results.length, problems: sarifProblems(log) };
}

/** The fastest of some rounds, in processor time: how long the work takes, not what else the machine does. */
function lintTimes(): { rulesMs: number; wholeMs: number } {
  const model = chainModel(OPS);
  const topology = chainTopology(3);
  let inRules = 0;
  const timed = graphRules.map((rule) => ({
    ...rule,
    check: (views: Parameters<typeof rule.check>[0]) => {
      const from = processorMs();
      const problems = [...rule.check(views)];
      inRules += processorMs() - from;
      return problems;
    },
  }));
  let [rulesMs, wholeMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    inRules = 0;
    const from = processorMs();
    lint(model, { topology, rules: timed });
    wholeMs = Math.min(wholeMs, Math.round(processorMs() - from));
    rulesMs = Math.min(rulesMs, Math.round(inRules));
  }
  return { rulesMs, wholeMs };
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
