// Takes a picture of every page, at two widths, light and dark, into screenshots/.
import { mkdir, rm } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { signIn } from './pages.ts';
import { openStage, type Stage } from './stage.ts';

const FOLDER = new URL('../../screenshots/', import.meta.url).pathname;
const WIDTHS = [1280, 390];
const SCHEMES = ['light', 'dark'] as const;

const VISITOR = {
  landing: '/',
  'sign-in': '/sign-in',
  'sign-up': '/sign-up',
  recover: '/recover',
  'verify-again': '/verify/again',
  'link-unknown': '/reset?token=none',
  'not-found': '/nowhere',
};
const CUSTOMER = {
  overview: '/overview',
  calls: '/calls',
  'calls-by-hour': '/calls?by=hour',
  'calls-none': '/calls?search=none+of+them',
  charges: '/charges',
  api: '/api',
  phone: '/phone',
  settings: '/settings',
  'second-factor': '/settings/second-factor',
  statement: `/charges/statement?month=${new Date().toISOString().slice(0, 7)}`,
};

const ACCOUNT = '/admin/accounts/2125550100';
const OPERATOR = {
  dashboard: '/admin',
  accounts: '/admin/accounts',
  'add-account': '/admin/accounts/new',
  account: ACCOUNT,
  'account-ledger': `${ACCOUNT}/ledger`,
  'account-overview': `${ACCOUNT}/overview`,
  'account-calls': `${ACCOUNT}/calls`,
  promotions: '/admin/promotions',
  feeds: '/admin/feeds',
  refused: '/admin/refused',
  audit: '/admin/audit',
};

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
const stage = await openStage();
try {
  for (const width of WIDTHS) {
    for (const colorScheme of SCHEMES) await pictures(stage, stage.browser, width, colorScheme);
  }
} finally {
  await stage.stop();
}

async function pictures(
  { url, customer, administrator }: Stage,
  browser: Browser,
  width: number,
  colorScheme: 'light' | 'dark',
): Promise<void> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width, height: 900 },
    colorScheme,
  });
  const page = await context.newPage();
  const take = async (name: string, path: string) => {
    await page.goto(path);
    await picture(page, `${name}-${width}-${colorScheme}`);
  };
  for (const [name, path] of Object.entries(VISITOR)) await take(name, path);
  await signIn(page, customer);
  for (const [name, path] of Object.entries(CUSTOMER)) await take(name, path);
  await page.goto('/settings/second-factor');
  await page.getByLabel('Your password').fill(customer.password);
  await page.getByRole('button', { name: 'Set up' }).click();
  await picture(page, `second-factor-set-up-${width}-${colorScheme}`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, administrator);
  for (const [name, path] of Object.entries(OPERATOR)) await take(name, path);
  await context.close();
}

async function picture(page: Page, name: string): Promise<void> {
  await page.evaluate('document.fonts.ready');
  await page.screenshot({ path: `${FOLDER}${name}.png`, fullPage: true });
}
