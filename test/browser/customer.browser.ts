import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { linkIn } from '../support/service.ts';
import { heading, openPage, signIn, text } from './pages.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
let demoPassword: string;
before(async () => {
  stage = await openStage();
  demoPassword = stage.customer.password;
});
after(() => stage?.stop());

const PASSWORD = 'four words make one';
const signInAs = (page: Page, login: string, password: string) =>
  signIn(page, { username: login, password });
const open = (scripts: boolean) => openPage(stage, scripts);

for (const scripts of [true, false]) {
  const name = scripts ? 'with scripts' : 'without scripts';
  test(`from signing up to a new password, ${name}`, { timeout: 300_000 }, async () => {
    const { context, page, complaints } = await open(scripts);
    await page.goto('/');
    await page.getByRole('link', { name: 'Create an account' }).click();
    const email = `browser-${scripts}@example.com`;
    await page.getByLabel('Name or company').fill('Browser Ltd');
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Create the account' }).click();
    assert.equal(await heading(page), 'Check your mail');

    await page.goto(linkIn(await stage.mail(email), 'verify'));
    await page.getByLabel('New password').fill(PASSWORD);
    await page.getByLabel('The same once more').fill(PASSWORD);
    await page.getByRole('button', { name: 'Verify and sign in' }).click();
    assert.equal(await heading(page), 'Overview');
    assert.match(await text(page, 'main'), /Your address is verified/);
    await page.getByRole('button', { name: 'Sign out' }).click();
    assert.match(await text(page, 'main'), /You are signed out/);

    await signInAs(page, stage.customer.username, 'not the password');
    assert.match(await text(page, 'main'), /is not right/);
    await signInAs(page, stage.customer.username, demoPassword);
    assert.equal(await heading(page), 'Overview');
    assert.match(await text(page, 'main'), /Example Phone 1\.0/);
    for (const [link, expected] of [
      ['Calls', /Busiest destinations/],
      ['Charges', /Example payment/],
      ['API', /Hourly limits/],
      ['Settings', /Low-balance warning/],
    ] as const) {
      await page
        .getByRole('navigation', { name: 'Main' })
        .getByRole('link', { name: link })
        .click();
      assert.equal(await heading(page), link);
      assert.match(await text(page, 'main'), expected);
    }
    await page.goto('/calls');
    await page.getByLabel('Number or name').fill('Anna');
    await page.getByRole('button', { name: 'Show' }).click();
    assert.match(await text(page, 'section:last-of-type table'), /Anna Example/);

    const before = await keyOf(page, 'Show the key');
    const changed = await keyOf(page, 'Replace the key');
    assert.notEqual(changed, before);
    if (scripts) {
      await page.getByRole('button', { name: 'Copy API key' }).click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      assert.equal(await page.evaluate('navigator.clipboard.readText()'), changed);
    }

    const other = await open(scripts);
    await other.page.goto('/recover');
    await other.page.getByLabel('E-mail address').fill('demo@example.com');
    const asked = new Date();
    await other.page.getByRole('button', { name: 'Send the mail' }).click();
    assert.equal(await heading(other.page), 'Check your mail');
    await other.page.goto(
      linkIn(
        await stage.mail('demo@example.com', { after: asked, subject: /[Rr]eset|recover/ }),
        'reset',
      ),
    );
    demoPassword = `${PASSWORD} ${scripts}`;
    await other.page.getByLabel('New password').fill(demoPassword);
    await other.page.getByLabel('The same once more').fill(demoPassword);
    await other.page.getByRole('button', { name: 'Change the password' }).click();
    assert.equal(await heading(other.page), 'Password changed');

    await page.goto('/overview');
    assert.equal(await heading(page), 'Sign in', 'the old session is gone');
    await signInAs(page, stage.customer.username, demoPassword);
    assert.equal(await heading(page), 'Overview');
    assert.deepEqual(complaints.concat(other.complaints), []);
    await context.close();
    await other.context.close();
  });
}

/** Shows or replaces the key of the account that is signed in. @returns the key */
async function keyOf(page: Page, button: string): Promise<string> {
  await page.goto('/api');
  await page.getByLabel('Your password').fill(demoPassword);
  await page.getByRole('button', { name: button }).click();
  const key = (await text(page, '#key')).trim();
  assert.match(key, /^[0-9a-f]{32}$/);
  return key;
}

test('the keyboard alone is enough', async () => {
  const { context, page } = await open(true);
  await page.goto('/sign-in');
  await page.waitForFunction('document.activeElement.id === "login"');
  await page.keyboard.type(stage.customer.username);
  await page.keyboard.press('Tab');
  await page.keyboard.type(demoPassword);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/overview');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.className'), 'skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  const inside = 'document.querySelector("main").contains(document.activeElement)';
  assert.equal(await page.evaluate(inside), true);
  await context.close();
});

test('what was typed outlasts an error, Back and the end of the session', async () => {
  const { context, page, complaints } = await open(true);
  await signInAs(page, stage.customer.username, demoPassword);
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByLabel('Caller ID').fill('12');
  await page.getByRole('button', { name: 'Save' }).first().click();
  await page.locator('#caller_id-problem').waitFor();
  await page.getByRole('link', { name: 'Calls' }).click();
  await page.waitForURL('**/calls');
  await page.goBack();
  assert.equal(await heading(page), 'Settings');
  assert.equal(await page.getByLabel('Caller ID').inputValue(), '12');

  const other = await context.newPage();
  await other.goto('/overview');
  await other.getByRole('button', { name: 'Sign out' }).click();
  await other.waitForURL('**/sign-in');
  await page.getByLabel('Name or company').fill('Typed before');
  await page.getByRole('button', { name: 'Save' }).first().click();
  assert.equal(await heading(page), 'Sign in');
  assert.match(await text(page, 'main'), /Your session has ended/);
  await page.getByLabel('Username or e-mail address').fill(stage.customer.username);
  await page.getByLabel('Password').fill(demoPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/settings');
  assert.match(await text(page, 'main'), /What you typed is below/);
  assert.equal(await page.getByLabel('Name or company').inputValue(), 'Typed before');
  assert.deepEqual(complaints, []);
  await context.close();
});
