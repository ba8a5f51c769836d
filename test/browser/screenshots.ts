// Takes screenshots of every page and state, at some widths, light and dark, into screenshots/.
// With --only TEXT, of the states whose names contain it. With --stress they show long names, large
// amounts, 100,000 accounts and a million calls.
import { mkdir, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { addHardFigures, addVolume } from './figures.ts';
import { openPage } from './pages.ts';
import { openStage } from './stage.ts';
import { tour } from './tour.ts';

const FOLDER = new URL('../../screenshots/', import.meta.url).pathname;
const SCHEMES = ['light', 'dark'] as const;
const WIDTHS = ['1280', '390'];
const STRESS_WIDTHS = ['390', '768', '1024', '1280', '1920'];

const { values } = parseArgs({
  options: {
    stress: { type: 'boolean', default: false },
    width: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true, default: [''] },
  },
});
const widths = (values.width ?? (values.stress ? STRESS_WIDTHS : WIDTHS)).map(Number);

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
const stage = await openStage();
try {
  if (values.stress) {
    console.error('making 100,000 accounts and a million calls …');
    await addHardFigures(stage);
    await addVolume(stage);
  }
  const { page } = await openPage(stage, true);
  await tour(stage, page, 0, (name) => pictures(page, name));
} finally {
  await stage.stop();
}

async function pictures(page: Page, name: string): Promise<void> {
  if (!values.only.some((part) => name.includes(part))) return;
  const before = page.viewportSize();
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate('scrollTo(0, 0), document.fonts.ready');
      await page.screenshot({
        path: `${FOLDER}${name}-${width}-${colorScheme}.png`,
        fullPage: true,
      });
    }
  }
  if (before) await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}
