import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { BrowserContext, Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const STILL = 0.02;

interface Violation {
  id: string;
  impact: string;
  nodes: string[];
}

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

const VIEWS = [
  { width: 390, colorScheme: 'dark' },
  { width: 1920, colorScheme: 'dark' },
  { width: 1280, colorScheme: 'light' },
] as const;

/**
 * Asserts that nothing moves while a page loads, nothing is cut off at any width, and axe finds no
 * fault.
 */
export async function checkPage(page: Page): Promise<void> {
  await checkStillness(page);
  try {
    await checkViews(page);
  } finally {
    // The next step of a tour expects a wide window, also after a fault.
    await page.setViewportSize({ width: 1280, height: 900 });
  }
}

async function checkStillness(page: Page): Promise<void> {
  const moved = (await page.evaluate(`new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(sum), 50);
  })`)) as number;
  assert.ok(moved < STILL, `${page.url()} moved by ${moved} while it loaded`);
}

/** The same checks for a page in its present state. */
export async function checkViews(page: Page): Promise<void> {
  await page.evaluate(AXE);
  for (const { width, colorScheme } of VIEWS) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    const [content, window] = (await page.evaluate(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    )) as [number, number];
    assert.ok(content <= window, `${page.url()} is ${content} wide in a window of ${window}`);
    if (width === 1920) continue;
    const violations = (await page.evaluate(
      `axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) =>
        ({ id, impact, nodes: nodes.map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary) })))`,
    )) as Violation[];
    assert.deepEqual(violations, [], `axe, ${width} pixels, ${colorScheme}, ${page.url()}`);
  }
}
