// Takes screenshots of every page and state, at some widths, light and dark, into screenshots/.
import { mkdir, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { openStage, type Stage } from './stage.ts';
import { tour } from './tour.ts';

const FOLDER = new URL('../../screenshots/', import.meta.url).pathname;
const SCHEMES = ['light', 'dark'] as const;

const { values } = parseArgs({
  options: { width: { type: 'string', multiple: true, default: ['1280', '390'] } },
});

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
const stage = await openStage();
let visit = 0;
try {
  for (const width of values.width.map(Number)) {
    for (const colorScheme of SCHEMES) await pictures(stage, width, colorScheme);
  }
} finally {
  await stage.stop();
}

async function pictures(
  stage: Stage,
  width: number,
  colorScheme: (typeof SCHEMES)[number],
): Promise<void> {
  const { browser, url } = stage;
  const viewport = { width, height: 900 };
  const context = await browser.newContext({ baseURL: url, viewport, colorScheme });
  const page = await context.newPage();
  await tour(stage, page, visit++, (name) => picture(page, `${name}-${width}-${colorScheme}`));
  await context.close();
}

async function picture(page: Page, name: string): Promise<void> {
  await page.evaluate('document.fonts.ready');
  await page.screenshot({ path: `${FOLDER}${name}.png`, fullPage: true });
}
