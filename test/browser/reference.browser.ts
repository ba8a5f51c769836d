import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultsOf } from './checks.ts';
import { openPage, text } from './pages.ts';
import { openStage, type Stage } from './stage.ts';

const PAGES = ['/docs/', '/docs/v2.2/'];

let stage: Stage;
before(async () => {
  stage = await openStage();
});
after(() => stage?.stop());

test('the reference has no fault, folded or not, and asks nothing of elsewhere', async () => {
  const { context, page, complaints } = await openPage(stage, true);
  for (const path of PAGES) {
    await page.goto(path);
    assert.deepEqual(await faultsOf(page), [], path);
    await page.evaluate(
      'document.querySelectorAll("details").forEach((one) => { one.open = true; })',
    );
    assert.deepEqual(await faultsOf(page), [], `${path}, unfolded`);
  }
  assert.deepEqual(complaints, []);
  await context.close();
});

test('one finds the way from the portal to a version, to an operation and back', async () => {
  const { context, page } = await openPage(stage, true);
  await page.goto('/');
  await page.getByRole('link', { name: 'API reference' }).click();
  assert.equal(await text(page, 'h1'), 'Account API v2.1');
  await page.getByRole('link', { name: 'v2.2', exact: true }).click();
  assert.equal(await text(page, 'h1'), 'Account API v2.2');
  const list = page.getByRole('navigation', { name: 'Operations' });
  await list.getByRole('link', { name: 'Get the payments' }).click();
  await list.locator('[aria-current]', { hasText: 'Get the payments' }).waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download the OpenAPI document' }).click();
  assert.equal((await download).suggestedFilename(), 'account-api-v2.2.json');
  await page.setViewportSize({ width: 390, height: 900 });
  assert.equal(await list.getByRole('link').first().isVisible(), false);
  await page.getByRole('button', { name: 'Menu' }).click();
  assert.equal(await list.getByRole('link').first().isVisible(), true);
  await page.getByRole('link', { name: 'Back to the portal' }).click();
  assert.equal(new URL(page.url()).pathname, '/');
  await context.close();
});

test('the console sends a request with the key, and shows the answer', async () => {
  const { context, page, complaints } = await openPage(stage, true);
  const send = async (id: string, fields: Record<string, string>) => {
    const section = page.locator(`#${id}`);
    await section.getByText('Try it').click();
    for (const [name, value] of Object.entries(fields)) {
      await section.getByLabel(name, { exact: true }).fill(value);
    }
    await section.getByRole('button', { name: 'Send' }).click();
    await section.locator('.sent-status').waitFor();
    return (await section.locator('.sent').textContent()) ?? '';
  };
  const { username, password, apikey } = stage.customer;
  await page.goto('/docs/v2.2/');
  assert.match(await send('accountPayments', {}), /^401 Unauthorized \d+ ms[\s\S]*"code": 401/);
  const account = await send('accountGet', { 'API key': apikey });
  assert.match(account, /^200 OK \d+ ms/);
  assert.ok(account.includes(`"username": "${username}"`), account);
  // A key typed once is used for all operations.
  assert.match(await send('accountCdr', { end: 'x' }), /^400 Bad Request[\s\S]*Field Invalid: end/);
  const body = JSON.stringify({ username, password });
  const key = await send('accountApiKey', { Body: body });
  assert.ok(key.includes(apikey), key);
  const kept = await page.evaluate(
    'location.href + JSON.stringify({ ...localStorage, ...sessionStorage })',
  );
  assert.equal(kept, `${stage.url}/docs/v2.2/{}`);
  await page.goto('/docs/');
  assert.match(
    await send('accountInfo', { 'API key': apikey }),
    /^200 OK[\s\S]*"statusCode": "200"/,
  );
  assert.deepEqual(complaints, []);
  await page.route('**/v2.1/**', (route) => route.abort());
  assert.match(await send('accountMrc', {}), /^No answer came/);
  await context.close();
});

test('without scripts everything can be read, and nothing is there that would do nothing', async () => {
  const { context, page } = await openPage(stage, false);
  await page.goto('/docs/v2.2/');
  const operation = page.locator('#accountCdr');
  assert.equal(await operation.getByText('Try it').isVisible(), false);
  await operation.getByText('200', { exact: true }).click();
  assert.equal(await operation.getByText('Username and start in Unix seconds').isVisible(), true);
  await context.close();
});
