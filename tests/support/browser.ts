// Pages of the command line in a real browser, opened from files as a reader opens them.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { openContext } from '../../cli/context.ts';
import { renderPage } from '../../cli/graph/page.ts';
import { pageSource } from '../../cli/graph/page-source.ts';
import { projectRoot } from './root.ts';

export async function openBrowser(): Promise<Browser> {
  const ensure = path.join(projectRoot, 'scripts/ensure-chromium.mjs');
  const executablePath = execFileSync(process.execPath, [ensure], { encoding: 'utf8' }).trim();
  // Chromium refuses to sandbox itself when root starts it, as in most containers.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args });
}

/** The page of a model or folder, as `bbc graph` writes it. */
export async function graphPage(source: string, peers?: string): Promise<string> {
  const silent = { write: () => true };
  const cx = openContext({ stdout: silent, stderr: silent, env: {} }, false);
  return renderPage(
    await pageSource(cx, source, { check: false, maxBoxes: 150, ...(peers === undefined ? {} : { peers }) }),
  );
}

export interface Opened {
  readonly page: Page;
  /** What the page complained about: console errors, exceptions, requests of any kind. */
  readonly complaints: readonly string[];
}

/** Opens a page from a file and waits until the graph is drawn. */
export async function openPage(
  browser: Browser,
  file: string,
  html: string,
  options: { readonly colorScheme?: 'light' | 'dark' } = {},
): Promise<Opened> {
  writeFileSync(file, html);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!/^(file|blob|data):/.test(request.url())) complaints.push(`request of ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
  await settled(page);
  return { page, complaints };
}

/** Waits until what was asked of the layout is drawn. */
export async function settled(page: Page): Promise<void> {
  await page.locator('html[data-ready]').waitFor();
  await page.locator('#canvas:not([aria-busy])').waitFor();
  // What is in view is drawn in the next frame.
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))',
  );
}

/** Kept after the test, for people to look at: .cache/screenshots. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const file = path.join(projectRoot, '.cache/screenshots', `${name}.png`);
  mkdirSync(path.dirname(file), { recursive: true });
  await page.screenshot({ path: file });
  process.stdout.write(`screenshot: ${path.relative(projectRoot, file)}\n`);
}
