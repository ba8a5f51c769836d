import type { BrowserContext, Page } from 'playwright-core';
import { complaintsOf } from './checks.ts';
import type { Stage } from './stage.ts';

const PATIENCE_MS = 60_000;

/** A page in a new browser. @param scripts whether pages may run scripts */
export async function openPage(
  { browser, url }: Stage,
  scripts: boolean,
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: 1280, height: 900 },
    javaScriptEnabled: scripts,
    // Without transitions, colours change at once and can be measured.
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(PATIENCE_MS);
  return { context, page: await context.newPage(), complaints: complaintsOf(context) };
}

export async function signIn(
  page: Page,
  { username, password }: { username: string; password: string },
): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Username or e-mail address').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** The text of an element of the page, when the page has come whole. */
export async function text(page: Page, selector: string): Promise<string> {
  await page.waitForLoadState('domcontentloaded');
  return (await page.locator(selector).first().textContent()) ?? '';
}

export const heading = (page: Page) => text(page, 'h1');
