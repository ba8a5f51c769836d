import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { BrowserContext, Page } from 'playwright-core';
import { geometryOf } from './geometry.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const STILL = 0.02;
// At most of a width's faults, for a readable message.
const MOST = 5;

/** Collects the faults that a page reports: script errors, refused content, failed loads. */
export function complaintsOf(context: BrowserContext): string[] {
  const complaints: string[] = [];
  context.on('console', (message) => {
    // Pages with status 400, 401, 403 or 404 are intended.
    const isAnswer = /status of 40[0134]/.test(message.text());
    if (message.type() === 'error' && !isAnswer) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('requestfailed', (request) => {
    // A page that is left at once has no time to load its mark.
    if (request.failure()?.errorText === 'net::ERR_ABORTED') return;
    complaints.push(`failed: ${request.url()}`);
  });
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol !== 'data:' && hostname !== 'localhost') complaints.push(`asked ${request.url()}`);
  });
  return complaints;
}

/** Each is measured; where a scheme of colours is named, axe looks as well. */
const VIEWS: { width: number; axe?: 'light' | 'dark' }[] = [
  { width: 390, axe: 'dark' },
  { width: 768 },
  { width: 1024 },
  { width: 1920 },
  // The next step of a tour expects this one.
  { width: 1280, axe: 'light' },
];

/**
 * Looks at a page in its present state at every width. Both schemes of colours have the same
 * geometry, because the style sheets' `light-dark()` allows nothing but colours.
 * @returns what moved while it loaded, what axe finds, and the faults of its geometry
 */
export async function faultsOf(page: Page): Promise<string[]> {
  const faults = await movedBy(page);
  if (!(await page.evaluate('Boolean(window.axe)'))) await page.evaluate(AXE);
  for (const { width, axe } of VIEWS) {
    await page.setViewportSize({ width, height: 900 });
    if (axe) await page.emulateMedia({ colorScheme: axe });
    const found = [...(await geometryOf(page, width)), ...(axe ? await axeOf(page) : [])];
    faults.push(...found.slice(0, MOST).map((fault) => `${width}: ${fault}`));
  }
  return faults;
}

/** The faults of a page's geometry at every width. */
export async function geometryFaultsOf(page: Page): Promise<string[]> {
  const faults: string[] = [];
  for (const { width } of VIEWS) {
    await page.setViewportSize({ width, height: 900 });
    faults.push(
      ...(await geometryOf(page, width)).slice(0, MOST).map((fault) => `${width}: ${fault}`),
    );
  }
  return faults;
}

/** What moves later, in another state of a page that was looked at, comes of resizing. */
async function movedBy(page: Page): Promise<string[]> {
  const moved = (await page.evaluate(`new Promise((resolve) => {
    let sum = 0;
    if (window.axe) return resolve(sum);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(sum), 50);
  })`)) as number;
  return moved < STILL ? [] : [`moved by ${moved} while it loaded`];
}

/** What axe finds: the rule, and the first lines of each element. */
function axeOf(page: Page): Promise<string[]> {
  // What is told needs no selectors, which take a tenth of its time.
  return page.evaluate(`axe.run({ resultTypes: ['violations'], selectors: false }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' +
      nodes.map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary).join('; ')))`);
}
