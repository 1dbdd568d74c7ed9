// `bbc lint` in this process: formats, exit status, configuration.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lintCommand } from '../../cli/commands/lint.ts';
import { EXIT } from '../../cli/frame.ts';
import { bbcOf } from '../support/bbc.ts';
import { projectRoot } from '../support/root.ts';
import { sarifProblems } from '../support/sarif.ts';

const bbc = bbcOf(lintCommand);
const folder = mkdtempSync(path.join(tmpdir(), 'lint-'));
const before = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

mkdirSync(path.join(folder, 'app'));
const write = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);
const model = `import { cohort, collect, float32, input, module, on, output, peer, state } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('rounds', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const w = state('w', [0, 0, 0, 0], { at: server });
  const now = w.read();
  const all = collect({ d: on(phones.each, () => x.sub(now)) }, { at: server, within: '10s', atLeast: 1 });
  const mean = on(server, () => all.d.reduceMean({ axes: [0], keepdims: false }).orElse([0, 0, 0, 0]));
  w.assign(on(server, () => now.add(mean)));
  output('step', on(server, () => mean.reduceSumSquare()));
});
`;
write('app/model.ts', model);
write('peers.json', '{ "version": 1,\n  "classes": { "phone": { "count": 3 }, "server": {}, "spare": {} } }');
const lint = (...argv: readonly string[]) =>
  bbc('lint', 'app/model.ts', '-p', 'peers.json', '--no-check', ...argv);

describe('bbc lint', () => {
  test('shows place, rule, line and way, and counts', async () => {
    const { status, out, err } = await lint();
    expect(out).toMatchInlineSnapshot(`
      "app/model.ts:10:5: warning lost-update: w is assigned from what was read of it before other peers answered: what another flow assigned in between is lost
            w.assign(on(server, () => now.add(mean)));
              ^
        app/model.ts:7:17: w is read
        app/model.ts:10:33: Add at server
        try: let only the change travel, and apply it with update: w.update((latest) => …)

      peers.json:2:55: warning idle-peer: no op, input or output is placed on spare: its peer does nothing
            "classes": { "phone": { "count": 3 }, "server": {}, "spare": {} } }
                                                                ^^^^^^^
        try: place something there, or take spare out of the topology

      2 warnings
      for more: bbc explain idle-peer
      "
    `);
    expect([status, err]).toEqual([EXIT.fine, '']);
  });
  test('fails with more warnings than allowed', async () => {
    expect((await lint('--max-warnings', '2')).status).toBe(EXIT.fine);
    expect((await lint('--max-warnings', '1')).status).toBe(EXIT.input);
  });
  test('gives one JSON document', async () => {
    const { out } = await lint('--json');
    const document = JSON.parse(out);
    expect((await lint('--format', 'json')).out).toBe(out);
    expect(document.ok).toBe(true);
    expect(
      document.findings.map((one: { rule: string; file: string; line: number }) => [
        one.rule,
        one.file,
        one.line,
      ]),
    ).toEqual([
      ['lost-update', 'app/model.ts', 10],
      ['idle-peer', 'peers.json', 2],
    ]);
  });
  test('gives SARIF that its schema accepts, with the way as a code flow', async () => {
    const { out } = await lint('--format', 'sarif');
    const log = JSON.parse(out);
    expect(sarifProblems(log)).toEqual([]);
    const [result] = log.runs[0].results;
    expect(log.runs[0].tool.driver.rules[result.ruleIndex].id).toBe('lost-update');
    expect(result.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'app/model.ts' },
      region: { startLine: 10, startColumn: 5 },
    });
    expect(result.codeFlows[0].threadFlows[0].locations.length).toBe(result.relatedLocations.length);
  });
  test('gives SARIF with what the author accepts, and why', async () => {
    const accepted = '  // bbc-lint-disable-next-line lost-update: one flow at a time\n  w.assign';
    write('app/accepted.ts', model.replace('  w.assign', accepted));
    const { out } = await bbc(
      'lint',
      'app/accepted.ts',
      '--no-check',
      '-p',
      'peers.json',
      '--format',
      'sarif',
    );
    const log = JSON.parse(out);
    expect(sarifProblems(log)).toEqual([]);
    const [result] = log.runs[0].results;
    expect([result.ruleId, result.suppressions]).toEqual([
      'lost-update',
      [{ kind: 'inSource', status: 'accepted', justification: 'one flow at a time' }],
    ]);
  });
  test('what does not compile is a finding, in SARIF too', async () => {
    write(
      'unlinked.json',
      '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} }, "links": [] }',
    );
    const argv = ['lint', 'app/model.ts', '-p', 'unlinked.json', '--no-check'];
    const { status, out } = await bbc(...argv);
    expect(status).toBe(EXIT.input);
    expect(out).toContain('error edge-without-link: "now" must go from server to phone');
    write('broken.json', '{ "version": 1, "clases": {} }');
    const sarif = await bbc(...argv.with(3, 'broken.json'), '--format', 'sarif');
    expect(sarif.status).toBe(EXIT.input);
    expect(sarifProblems(JSON.parse(sarif.out))).toEqual([]);
    expect(JSON.parse(sarif.out).runs[0].results[0].ruleId).toBe('BB404');
  });
  test('lists its rules', async () => {
    expect((await bbc('lint', '--rules')).out).toMatch(/^rule +level +finds\n/);
  });
  test('without a source, or with another format, is wrong usage', async () => {
    expect((await bbc('lint')).status).toBe(EXIT.usage);
    expect((await lint('--format', 'xml')).status).toBe(EXIT.usage);
    expect((await lint('--max-warnings', 'none')).status).toBe(EXIT.usage);
  });
});

describe('bytesandbrains.json above the model', () => {
  afterAll(() => rmSync(path.join(folder, 'bytesandbrains.json')));
  test('sets levels', async () => {
    write('bytesandbrains.json', '{ "lint": { "rules": { "idle-peer": "off", "lost-update": "error" } } }');
    const { status, out } = await lint();
    expect([status, out.includes('\n1 error\n')]).toEqual([EXIT.input, true]);
  });
  test('with a mistake is a finding that points at it', async () => {
    write('bytesandbrains.json', '{ "lint": { "rules": { "lost-updat": "error" } } }');
    const { status, out } = await lint();
    expect(status).toBe(EXIT.input);
    expect(out).toContain('bytesandbrains.json:1:24: error BB405: there is no rule "lost-updat"');
    expect(out).toContain('did you mean "lost-update"?');
  });
});

const examples = readdirSync(path.join(projectRoot, 'examples')).filter((name) => /^\d/.test(name));
test.each(examples)('examples/%s has no findings', async (name) => {
  const at = path.join(projectRoot, 'examples', name);
  const { status, out } = await bbc('lint', path.join(at, 'model.ts'), '-p', path.join(at, 'topology.json'));
  expect(out).toBe('nothing found\n');
  expect(status).toBe(EXIT.fine);
});
