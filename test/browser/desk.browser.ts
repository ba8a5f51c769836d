import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { keyboard, mouse } from './hands.ts';
import { heading, openPage, signIn, text as textOf } from './pages.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
before(async () => {
  stage = await openStage();
});
after(() => stage?.stop());

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
    const { press, type } = hands;
    const { username } = stage.customer;
    const list = `list-of-${name.replace(/ /g, '-')}`;
    await signIn(page, stage.administrator);

    await press(menu(page, 'Accounts'));
    await press(link(page, /^Open \d/));
    assert.match(page.url(), /state=open/);
    await press(link(page, username).first());
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
    await press(row.getByText('Release', { exact: true }));
    await press(row.getByRole('button', { name: 'Yes, release' }));
    assert.match(await text(page, 'main'), /No prefix is blocked/);

    await press(menu(page, 'Monthly charges'));
    await press(button(page, 'Preview'));
    await page
      .getByText(/would be posted/)
      .first()
      .waitFor();
    await press(menu(page, 'Books'));
    await press(button(page, 'Reconcile'));
    await page.getByText('The books balance.').waitFor();

    for (const [item, title] of [
      ['Registrations', 'Registrations'],
      ['Calls in progress', 'Calls in progress'],
      ['Mail', 'Mail'],
    ] as const) {
      await press(menu(page, item));
      assert.equal(await heading(page), title);
    }

    await press(menu(page, 'Staff'));
    await type(page.getByLabel('Name', { exact: true }), `Helper by ${name}`);
    await type(page.getByLabel('E-mail address'), `${list}@example.com`);
    await press(button(page, 'Add'));
    await type(page.getByLabel('Your password'), stage.administrator.password);
    await press(button(page, 'Confirm'));
    assert.match(await text(page, 'main'), /shown this once/);
    const member = page.getByRole('row', { name: `Helper by ${name}` });
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
