import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { post } from '../support/service.ts';
import { inDatabase } from './figures.ts';
import { keyboard, mouse } from './hands.ts';
import { heading, openPage, signIn, text as textOf } from './pages.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
before(async () => {
  stage = await openStage();
});
after(() => stage?.stop());

/** What a switch asks or reports. */
async function atSwitch(path: string, body: object): Promise<void> {
  const { user, secret } = stage.customer.feed;
  const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  const answer = await post(`${stage.url}/ingest/v1/${path}`, body, { authorization });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

/** A mail that was given up. */
const parkMail = (to: string) =>
  inDatabase(stage.dataDir, (db) =>
    db.query(`INSERT INTO pgboss.job (name, policy, data) VALUES ('parked-mail', 'standard', $1)`, [
      {
        ...{ to, name: 'N', language: null },
        message: { kind: 'calls stopped', username: Number(stage.customer.username), cash: '0' },
      },
    ]),
  );

/** The text of an element, in one line. */
const text = async (page: Page, selector: string) =>
  (await textOf(page, selector)).replace(/\s+/g, ' ').trim();

const button = (page: Page, name: string) =>
  page.getByRole('button', { name, exact: true }).first();
const link = (page: Page, name: string | RegExp) =>
  page.locator('main').getByRole('link', { name });
const menu = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true });

for (const [name, hands] of [
  ['the mouse', mouse],
  ['the keyboard', keyboard],
] as const) {
  test(`an operator's day with ${name}`, { timeout: 300_000 }, async () => {
    const { context, page, complaints } = await openPage(stage, true);
    const { press, type, choose, pickDay } = hands;
    const { username } = stage.customer;
    const list = `list-of-${name.replace(/ /g, '-')}`;
    await signIn(page, stage.administrator);

    await press(link(page, /not verified$/));
    assert.match(page.url(), /state=unverified/);
    await press(link(page, /^Open \d/));
    assert.match(page.url(), /state=open/);
    await choose(page.getByLabel('Order'), 'Lowest balance');
    await press(button(page, 'Search'));
    assert.match(page.url(), /order=balance&state=open/);
    await press(link(page, /Disabled \d/));
    assert.equal(await heading(page), 'Accounts');
    await type(page.getByRole('searchbox'), username);
    await press(link(page, /^All \d/));
    await press(page.locator(`main a[href="/admin/accounts/${username}"]`).first());
    await press(link(page, 'Money'));
    await type(page.getByLabel('Amount (USD)'), '12.5');
    await type(page.getByLabel('Reason'), `Cheque by ${name}`);
    await press(button(page, 'Credit'));
    assert.match(
      await text(page, 'main [role=status]'),
      /^Credited \$12\.50, balance \$[\d,.]+\.$/,
    );
    await press(link(page, 'Settings'));
    await type(page.getByLabel('Calls at once'), '7');
    await press(button(page, 'Save the settings'));
    assert.match(await text(page, 'main'), /Saved\./);
    await press(link(page, 'Credentials'));
    await press(button(page, 'Show the SIP secret'));
    await type(page.getByLabel('Your password'), stage.administrator.password);
    await press(button(page, 'Confirm'));
    assert.match(await text(page, 'main'), new RegExp(`SIP address.*sip:${username}@`));

    await press(menu(page, 'All calls'));
    await type(page.getByRole('searchbox'), '4155');
    await press(button(page, 'Show'));
    await page.getByText('All calls of this range were searched.').waitFor();
    await type(page.getByRole('searchbox'), '');
    await type(page.getByLabel('Account'), username);
    await pickDay(
      page.getByLabel('From', { exact: true }),
      `${new Date().getFullYear() - 1}-12-01`,
    );
    await choose(page.getByLabel('Feed'), 'demo');
    await choose(page.getByLabel('Outcome'), 'No answer');
    await press(button(page, 'Show'));
    await page.waitForLoadState();
    const shown = page.locator('main td[data-label="Duration"]');
    assert.deepEqual([...new Set(await shown.allInnerTexts())], ['No answer']);
    const downloading = page.waitForEvent('download');
    await press(link(page, 'CSV'));
    const file = await readFile(await (await downloading).path(), 'utf8');
    const [, ...rows] = file.trim().split('\r\n');
    assert.equal(rows.length, await shown.count());
    assert.ok(rows.every((line) => line.endsWith(',no answer')));

    await press(menu(page, 'Price lists'));
    await type(page.getByLabel('Name of the list'), list);
    const lines = page.getByLabel('Or paste its lines');
    await type(lines, 'prefix,rate\n44,cheap');
    await press(button(page, 'Show what would change'));
    assert.match(await text(page, 'main'), /1 line is wrong\. Nothing was imported\./);
    await type(page.getByLabel('Or paste its lines'), 'prefix,rate\n44,0.02');
    await press(button(page, 'Show what would change'));
    assert.match(await text(page, 'main'), /Nothing is changed yet\..*Added ?1/);
    await press(button(page, 'Import'));
    await type(page.getByLabel('Number', { exact: true }), '+442055501234');
    await press(button(page, 'Look it up'));
    assert.match(await text(page, 'main'), /Prefix ?44.*\$0\.02/);

    await press(menu(page, 'Blocked prefixes'));
    await type(page.getByLabel('Prefixes'), '252');
    await type(page.getByLabel('Reason'), 'Fraud');
    await press(button(page, 'Block'));
    const row = page.getByRole('row', { name: '252' });
    await press(row.getByText('Unblock', { exact: true }));
    await press(row.getByRole('button', { name: 'Yes, unblock' }));
    assert.match(await text(page, 'main'), /No prefix is blocked/);

    await press(menu(page, 'Monthly charges'));
    await press(button(page, 'Preview'));
    await page
      .getByText(/would be posted/)
      .first()
      .waitFor();
    await press(menu(page, 'Monthly charges'));
    await press(button(page, 'Post what is due'));
    await page.waitForURL(/\/admin\/operations\//);
    await page.locator('main').getByText('done', { exact: true }).waitFor();
    await press(menu(page, 'Books'));
    await press(button(page, 'Reconcile'));
    await page.getByText('The books balance.').waitFor();

    await atSwitch('registrations', {
      ...{ event: 'register', user: username, expires: 600 },
      contact: `sip:${username}@192.0.2.1:5060`,
    });
    await press(menu(page, 'Registrations'));
    assert.match(
      await text(page, 'main table'),
      new RegExp(`sip:${username}@192\\.0\\.2\\.1:5060`),
    );
    await atSwitch('authorize', { account: username, dst: '4155550123', call_id: name });
    await press(menu(page, 'Calls in progress'));
    await type(page.getByLabel('Account'), username);
    await press(button(page, 'Show'));
    assert.match(await text(page, 'main'), /calls? in progress, \$[\d.]+ held\..*4155550123/);

    const to = `parked-${name.replace(/ /g, '-')}@example.com`;
    await parkMail(to);
    await press(menu(page, 'Mail'));
    await press(page.getByRole('row', { name: to }).getByRole('button', { name: 'Send again' }));
    assert.match(await text(page, 'main'), /The mail is sent again/);
    await stage.mail(to);

    await press(menu(page, 'Staff'));
    await type(page.getByLabel('Name', { exact: true }), `Helper by ${name}`);
    await type(page.getByLabel('E-mail address'), `${list}@example.com`);
    await press(button(page, 'Add'));
    await type(page.getByLabel('Your password'), stage.administrator.password);
    await press(button(page, 'Confirm'));
    assert.match(await text(page, 'main'), /shown this once/);
    const own = {
      username: await text(page, '#username'),
      password: await text(page, '#password'),
    };
    const helper = await openPage(stage, true);
    await signIn(helper.page, own);
    assert.equal(await heading(helper.page), 'Dashboard');
    await inDatabase(stage.dataDir, (db) =>
      db.query(
        `INSERT INTO second_factor (account, sealed, version, confirmed_at) VALUES ($1, '', 1, now())`,
        [own.username],
      ),
    );
    const member = page.getByRole('row', { name: `Helper by ${name}` });
    for (const what of ['Sign out everywhere', 'Turn the second factor off']) {
      await press(menu(page, 'Staff'));
      await press(member.getByText('Change', { exact: true }));
      await press(member.getByText(what, { exact: true }));
      const yes = `Yes, ${what.charAt(0).toLowerCase()}${what.slice(1)}`;
      await press(member.getByRole('button', { name: yes }));
      if (await page.getByLabel('Your password').isVisible()) {
        await type(page.getByLabel('Your password'), stage.administrator.password);
        await press(button(page, 'Confirm'));
      }
    }
    assert.match((await member.textContent()) ?? '', /off/);
    await helper.page.goto('/admin');
    assert.equal(await heading(helper.page), 'Sign in');
    await helper.context.close();
    await press(member.getByText('Change', { exact: true }));
    await press(member.getByText('Make a customer', { exact: true }));
    await press(member.getByRole('button', { name: 'Yes, make a customer' }));
    await type(page.getByLabel('Your password'), stage.administrator.password);
    await press(button(page, 'Confirm'));
    assert.doesNotMatch(await text(page, 'main table'), /Helper by/);

    await press(menu(page, 'Audit log'));
    await type(page.getByLabel('Person'), stage.administrator.username);
    await press(button(page, 'Show'));
    assert.match(await text(page, 'main table'), /made the account a customer; it was support/);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}
