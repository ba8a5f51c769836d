import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { post } from '../support/service.ts';
import { heading, openPage, signIn, text } from './pages.ts';
import { openStage, type Stage } from './stage.ts';

const MISSING = '3105550100';

let stage: Stage;
before(async () => {
  stage = await openStage();
});
after(() => stage?.stop());

/** A switch reports a call of an account that does not exist yet. */
async function reportCall(): Promise<void> {
  const { user, secret } = stage.customer.feed;
  const start = Math.floor(Date.now() / 1_000) - 120;
  const call = {
    id: 'early',
    account: MISSING,
    start,
    duration: 40,
    cid: MISSING,
    dst: '4155550123',
  };
  const answer = await post(`${stage.url}/ingest/v1/calls/generic`, call, {
    authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`,
  });
  assert.equal(answer.body.rejected, 1, JSON.stringify(answer.body));
}

for (const scripts of [true, false]) {
  const name = scripts ? 'with scripts' : 'without scripts';
  test(`an operator's work, ${name}`, { timeout: 300_000 }, async () => {
    const { context, page, complaints } = await openPage(stage, scripts);
    await signIn(page, stage.administrator);
    assert.equal(await heading(page), 'Dashboard');
    const { username } = stage.customer;
    const paths = ['accounts', `accounts/${username}/overview`, `accounts/${username}/calls`];
    for (const path of [...paths, `accounts/${username}/charges`, 'promotions', 'feeds', 'audit']) {
      assert.equal((await page.goto(`/admin/${path}`))?.status(), 200, path);
    }
    if (scripts) await reportCall();
    await page.goto('/admin/rejected');

    await page.goto(`/admin/accounts/${username}`);
    await page.getByRole('link', { name: 'Add a sub-account' }).click();
    const sub = scripts ? MISSING : '3105550101';
    await page.getByLabel('Name', { exact: true }).fill('Branch Office');
    await page.getByLabel('E-mail address').fill(`branch-${scripts}@example.com`);
    await page.getByLabel('Username', { exact: true }).fill(sub);
    await page.getByRole('button', { name: 'Add the account' }).click();
    assert.match(await text(page, 'main'), /The account is added/);
    await page.reload();
    assert.doesNotMatch(await text(page, 'main'), /The account is added/);
    assert.match(await text(page, 'main'), new RegExp(`${username} pays for this account`));

    await page.goto(`/admin/accounts/${username}/money`);
    const reason = `Credit for the branch, ${name}`;
    await page.getByLabel('Amount (USD)').fill('12.34');
    await page.getByLabel('Reason').fill(reason);
    await page.getByRole('button', { name: 'Credit', exact: true }).click();
    assert.match(await text(page, 'main [role=status]'), /^Credited \$12\.34, balance \$/);
    await page.goto(`/admin/accounts/${username}/money`);
    assert.match(await text(page, 'table tbody tr'), new RegExp(`${reason}.*\\+\\$12\\.34`));

    if (scripts) {
      await page.goto('/admin/rejected');
      await page.getByRole('row', { name: 'unknown account' }).getByRole('link').click();
      assert.match(await text(page, 'pre'), /"early"/);
      await page.getByRole('button', { name: 'Replay this record' }).click();
      assert.match(await text(page, 'main'), /No rejected record is open/);
      await page.goto(`/admin/accounts/${MISSING}/calls`);
      assert.match(await text(page, 'main > section:last-of-type table'), /4155550123/);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });
}
