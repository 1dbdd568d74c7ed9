// Done line 2: the page of det over three peers in Chromium, held by the tests; a page of 3000 ops is drawn and
// answers a click within 3 s of being opened.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { graphPage, openBrowser, openPage, screenshot, settled } from '../support/browser.ts';
import { largeFile } from '../support/large-graph.ts';
import { projectRoot } from '../support/root.ts';
import type { Line, Verification } from './verification.ts';

const LIMIT_MS = 3000;

const verify: Line = async (cx) => {
  const browser = await openBrowser();
  try {
    await detOverThreePeers(cx, browser);
    for (const [what, scoped] of [
      ['3000 ops without scopes', false],
      ['3000 ops in scopes', true],
    ] as const) {
      await largeGraph(cx, browser, what, scoped);
    }
  } finally {
    await browser.close();
  }
};
export default verify;

async function detOverThreePeers(cx: Verification, browser: Browser): Promise<void> {
  const peers = path.join(projectRoot, 'examples/02-text-recogniser/topology.json');
  const html = await graphPage(cx.model('det'), peers);
  const { page, complaints } = await openPage(browser, path.join(cx.folder, 'det.html'), html);
  await page.keyboard.press('/');
  await page.locator('#search').fill('p2o.Conv.30');
  await page.keyboard.press('Enter');
  await settled(page);
  const panel = page.locator('#panel');
  const found = String(await panel.locator('.subtitle').textContent());
  cx.figure('search finds', found, found === 'p2o.Conv.30');
  await page.keyboard.press('Escape');
  await page.locator('.box[aria-label*="p2o.Conv.30,"]').click();
  const type = String(await panel.locator('[data-field=type]').first().textContent());
  cx.figure('a click shows', type, type.startsWith('float32['));
  await page.locator('#view-recorded').click();
  await settled(page);
  const regions = await page.locator('.frame.region').count();
  cx.figure('regions in the recorded graph', regions, regions === 0);
  cx.figure('complaints of the browser', complaints.join('; ') || 'none', complaints.length === 0);
  await page.close();
}

async function largeGraph(cx: Verification, browser: Browser, what: string, scoped: boolean): Promise<void> {
  const source = path.join(cx.folder, `large-${scoped}.onnx`);
  const file = path.join(cx.folder, `large-${scoped}.html`);
  writeFileSync(source, largeFile(3000, scoped));
  writeFileSync(file, await graphPage(source));
  const times: number[] = [];
  for (let run = 0; run < 3; run++) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const started = performance.now();
    await page.goto(pathToFileURL(file).href);
    await settled(page);
    await page.locator('.box').first().click();
    await page.locator('#panel h2').waitFor();
    times.push(performance.now() - started);
    if (run === 2) {
      const before = performance.now();
      await page.locator('#expand').click();
      await settled(page);
      cx.note(`${what}: all of them opened in ${Math.round(performance.now() - before)} ms`);
      await screenshot(page, `large-${scoped ? 'scoped' : 'flat'}-open`);
    }
    await page.close();
  }
  const worst = Math.max(...times);
  cx.figure(
    `${what}: opened, drawn and a click answered`,
    `${Math.round(worst)} ms at worst of 3`,
    worst < LIMIT_MS,
  );
}
