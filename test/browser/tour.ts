import assert from 'node:assert/strict';
import { TOTP } from 'otpauth';
import type { Page } from 'playwright-core';
import { linkIn, post } from '../support/service.ts';
import { heading, signIn, text } from './pages.ts';
import type { Stage } from './stage.ts';

const PASSWORD = 'four words make one';
const COUNTED_MS = 90_000;
const FIRST_ADDED = 3_105_550_100;

/** Called for each page, and each state of a page, when the browser shows it. */
export type See = (name: string) => Promise<void>;

/**
 * Opens every page in a browser, also empty, with errors and after actions. Can run several times.
 * @param visit number of this run
 */
export async function tour(stage: Stage, page: Page, visit: number, see: See): Promise<void> {
  const steps: Steps = {
    see,
    open: async (name, path) => {
      await page.goto(path);
      await see(name);
    },
    press: async (name) => {
      await page.getByRole('button', { name, exact: true }).first().click();
      await page.waitForLoadState();
    },
  };
  await visitor(stage, page, visit, steps);
  await newCustomer(page, steps);
  await customer(stage, page, steps);
  await secondFactor(stage, page, steps);
  await operator(stage, page, visit, steps);
}

interface Steps {
  see: See;
  open: (name: string, path: string) => Promise<void>;
  press: (button: string) => Promise<void>;
}

/** At the end a customer is signed in whose address was just verified. */
async function visitor(stage: Stage, page: Page, visit: number, { see, open, press }: Steps) {
  await open('landing', '/');
  await open('sign-in', '/sign-in');
  await signIn(page, { username: stage.customer.username, password: 'not the password' });
  await see('sign-in-wrong');
  await open('recover', '/recover');
  await open('verify-again', '/verify/again');
  await open('link-unknown', '/reset?token=none');
  await open('not-found', '/nowhere');

  const email = `visitor-${visit}@example.com`;
  await open('sign-up', '/sign-up');
  await page.getByLabel('Name or company').fill('Visitor Ltd');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Promotion code').fill('UNKNOWN');
  await press('Create the account');
  await see('sign-up-refused');
  await page.getByLabel('Promotion code').fill('');
  await press('Create the account');
  await see('check-mail');

  const verify = linkIn(await stage.mail(email), 'verify');
  await open('verify', verify);
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByLabel('The same once more').fill('four other words');
  await press('Verify and sign in');
  await see('verify-refused');

  await page.goto('/recover');
  await page.getByLabel('E-mail address').fill(email);
  await press('Send the mail');
  const reset = linkIn(await stage.mail(email, { subject: /[Rr]eset|recover/ }), 'reset');
  await open('reset', reset);
  await page.getByLabel('New password').fill('1234567890');
  await page.getByLabel('The same once more').fill('1234567890');
  await press('Change the password');
  await see('reset-refused');
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByLabel('The same once more').fill(PASSWORD);
  await press('Change the password');
  await see('reset-done');

  // The form's cookie is no longer in the browser.
  await page.goto('/sign-in');
  await page.getByLabel('Username or e-mail address').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.context().clearCookies();
  await press('Sign in');
  await see('forged');
  await signIn(page, { username: email, password: PASSWORD });
}

/** A new account without any data. */
async function newCustomer(page: Page, { see, open, press }: Steps) {
  assert.equal(await heading(page), 'Overview');
  await see('overview-new');
  await open('calls-new', '/calls');
  await open('charges-new', '/charges');
  await press('Sign out');
  await see('signed-out');
}

async function customer(stage: Stage, page: Page, { see, open, press }: Steps) {
  const { customer } = stage;
  await signIn(page, customer);
  await see('overview');
  await open('calls', '/calls');
  await open('calls-by-hour', '/calls?by=hour');
  await open('calls-by-month', '/calls?from=2026-01-01');
  await open('calls-none', '/calls?search=none+of+them');
  await open('rates', '/rates?number=4155550123');
  await open('rates-refused', '/rates?number=nobody');
  await open('sub-accounts', '/accounts');
  await open('charges', '/charges');
  await open('statement', `/charges/statement?month=${new Date().toISOString().slice(0, 7)}`);
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('.no-print').isVisible(), false);
  await see('statement-printed');
  await page.emulateMedia({ media: null });
  await open('api', '/api');
  await page.getByLabel('Your password').fill('not the password');
  await press('Show the key');
  await see('api-refused');
  await page.getByLabel('Your password').fill(customer.password);
  await press('Show the key');
  await see('api-shown');
  await open('named-keys', '/api/keys');
  await page.getByLabel('Name').fill('bookkeeping');
  await page.getByLabel('Only from these addresses').fill('192.0.2.300');
  await press('Make the key');
  await see('named-keys-refused');
  await page.getByLabel('Only from these addresses').fill('');
  await press('Make the key');
  await page.getByLabel('Your password').fill(customer.password);
  await press('Confirm');
  await see('named-key-made');
  await open('phone', '/phone');
  await page.getByLabel('Your password').fill(customer.password);
  await press('Show the secret');
  await see('phone-shown');
  await open('settings', '/settings');
  await press('Save');
  await see('settings-saved');
  await page.getByLabel('New address').fill('nobody');
  await press('Change the address');
  await see('address-refused');
  await page.getByLabel('Caller ID').fill('12');
  await press('Save');
  await see('settings-refused');
}

/** Turns the second factor on, signs in with it, and turns it off. */
async function secondFactor(stage: Stage, page: Page, { see, open, press }: Steps) {
  const { customer } = stage;
  const path = '/settings/second-factor';
  const confirm = async (button: string) => {
    await page.goto(path);
    await page.getByLabel('Your password').fill(customer.password);
    await press(button);
  };
  await open('second-factor-off', path);
  await confirm('Set up');
  await see('second-factor-set-up');
  await page.getByLabel('6-digit code').fill('000000');
  await press('Turn on');
  await see('second-factor-wrong');
  const secret = (await text(page, '#secret')).trim();
  await page.getByLabel('6-digit code').fill(new TOTP({ secret }).generate());
  await press('Turn on');
  await see('second-factor-codes');
  const [code = ''] = (await text(page, '#codes')).trim().split('\n');
  await open('second-factor-on', path);
  await open('settings-second-factor', '/settings');
  await press('Sign out');
  await signIn(page, customer);
  await see('second-step');
  await page.getByLabel('Code').fill('000000');
  await press('Sign in');
  await see('second-step-wrong');
  await page.getByLabel('Code').fill(code);
  await press('Sign in');
  assert.equal(await heading(page), 'Overview');
  await confirm('Turn off');
  await see('second-factor-ended');
  await press('Sign out');
}

async function operator(stage: Stage, page: Page, visit: number, { see, open, press }: Steps) {
  const { customer, administrator } = stage;
  const account = `/admin/accounts/${customer.username}`;
  await signIn(page, administrator);
  const tabs = ['money', 'settings', 'services', 'numbers', 'credentials'];
  for (const path of ['overview', 'calls', 'charges', ...tabs]) {
    await open(`account-${path}`, `${account}/${path}`);
  }
  await dashboardWithCalls(page);
  await see('dashboard');
  await open('accounts', '/admin/accounts');
  await open('accounts-none', '/admin/accounts?search=none+of+them');
  await open('accounts-state', '/admin/accounts?state=unverified&order=newest');
  await open('account', account);
  await page.goto(`${account}/money`);
  await page.getByLabel('Amount (USD)').fill('many');
  await page.getByLabel('Reason').fill('Mistyped');
  await press('Credit');
  await see('account-refused');

  await work(page, visit, { see, open, press });
  await open('promotions', '/admin/promotions');
  await page.getByLabel('Code').fill(`WELCOME${visit}`);
  await page.getByLabel('Amount credited (USD)').fill('5');
  await press('Create');
  await see('promotions-some');
  await open('operator-keys', '/admin/operator-keys');
  await open('webhooks', '/admin/webhooks');
  await open('feeds', '/admin/feeds');
  await page.getByLabel('Name').fill(`pbx${visit}`);
  await press('Add the feed');
  await see('feed-added');
  await open('explain', '/admin/explain');
  await open('explained', `/admin/explain?number=2125550123&account=${customer.username}`);

  await open('refused-none', '/admin/rejected');
  const username = FIRST_ADDED + visit;
  await reportCall(stage, username);
  await open('refused', '/admin/rejected');
  await page.getByRole('row', { name: 'unknown account' }).getByRole('link').click();
  await see('refused-record');
  await press('Replay this record');
  await see('refused-still');
  const record = page.url().replace('/replay', '');

  await open('add-account', '/admin/accounts/new');
  await page.getByLabel('Name', { exact: true }).fill('Branch Office');
  await page.getByLabel('E-mail address').fill('none');
  await page.getByLabel('Username', { exact: true }).fill(String(username));
  await press('Add the account');
  await see('add-account-refused');
  await page.getByLabel('E-mail address').fill(`branch-${visit}@example.com`);
  await press('Add the account');
  await see('account-added');
  await open('account-new', `/admin/accounts/${username}`);
  await page.goto(record);
  await press('Replay this record');
  await see('refused-replayed');
  await page.goto(`/admin/accounts/${username}/credentials`);
  await page.getByText('New password', { exact: true }).last().click();
  await see('account-confirm');
  await press('Yes, new password');
  await see('account-step-up');
  await page.getByLabel('Your password').fill(administrator.password);
  await press('Confirm');
  await see('account-password');
  await page.locator('#confirm').fill(String(username));
  await press('Close the account');
  await see('account-closed');

  await open('audit', '/admin/audit');
  await press('Sign out');
}

/** The pages of daily work: empty, with faults, and with something done. */
async function work(page: Page, visit: number, { see, open, press }: Steps) {
  await open('all-calls', '/admin/calls');
  await open('all-calls-none', '/admin/calls?search=999999999');
  await open('prices', '/admin/prices');
  await page.getByLabel('Name of the list').fill('Not a name!');
  await press('Show what would change');
  await see('price-import-refused');
  await page.getByLabel('Name of the list').fill(`retail${visit}`);
  await page.getByLabel('Or paste its lines').fill('prefix,rate\n44,cheap');
  await press('Show what would change');
  await see('price-import-faults');
  await page.getByLabel('Or paste its lines').fill('prefix,rate,name\n44,0.02,United Kingdom');
  await press('Show what would change');
  await see('price-import-preview');
  await press('Import');
  await see('price-imported');
  await open('price-tried', `/admin/prices/retail${visit}?number=%2B442055501234`);
  await open('blocked', '/admin/blocked');
  await page.getByLabel('Prefixes').fill(`88${visit}`);
  await page.getByLabel('Reason').fill('Fraud');
  await press('Block');
  await see('blocked-some');
  await open('monthly-charges', '/admin/monthly-charges');
  await open('books', '/admin/books');
  await press('Reconcile');
  await page.getByText('The books balance').waitFor();
  await see('books-proved');
  await open('registrations', '/admin/registrations');
  await open('holds', '/admin/holds');
  await open('mail', '/admin/mail');
  await open('staff', '/admin/staff');
}

/** Waits for the count of calls, which is updated every minute. */
async function dashboardWithCalls(page: Page): Promise<void> {
  for (const deadline = Date.now() + COUNTED_MS; ; await page.waitForTimeout(1_000)) {
    await page.goto('/admin');
    if (!/No calls yet/.test(await text(page, 'main'))) return;
    assert.ok(Date.now() < deadline, 'no calls were counted');
  }
}

/** A switch reports a call of an account that does not exist yet. */
async function reportCall({ url, customer }: Stage, account: number): Promise<void> {
  const { user, secret } = customer.feed;
  const start = Math.floor(Date.now() / 1_000) - 120;
  const [id, dst] = [`early ${account}`, '4155550123'];
  const call = { id, account: String(account), start, duration: 40, cid: String(account), dst };
  const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  const answer = await post(`${url}/ingest/v1/calls/generic`, call, { authorization });
  assert.equal(answer.body.rejected, 1, JSON.stringify(answer.body));
}
