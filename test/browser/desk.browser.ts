import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { heading, openPage, signIn, text as textOf } from './pages.ts';
import { openStage, type Stage } from './stage.ts';

const MOST_TABS = 300;
const TABS_AT_ONCE = 15;

type KeyPress = { key: string; preventDefault: () => void };
type Listen = (kind: 'keydown', listener: (event: KeyPress) => void, capture: true) => void;
/** The page's document, where functions run that are passed to the browser. */
declare const document: {
  activeElement: unknown;
  addEventListener: Listen;
  removeEventListener: Listen;
};

let stage: Stage;
before(async () => {
  stage = await openStage();
});
after(() => stage?.stop());

/** How a person reaches things: with the mouse, or with the keyboard alone. */
interface Hands {
  press: (target: Locator) => Promise<void>;
  type: (field: Locator, value: string) => Promise<void>;
}

const mouse: Hands = {
  press: (target) => target.click(),
  type: (field, value) => field.fill(value),
};

const keyboard: Hands = {
  press: async (target) => {
    await tabTo(target);
    const page = target.page();
    // What only opens something on the page loads nothing.
    const opens = await target.evaluate(({ tagName }) => tagName === 'SUMMARY');
    const loaded = opens ? undefined : page.waitForEvent('load');
    await page.keyboard.press('Enter');
    await loaded;
  },
  type: async (field, value) => {
    await tabTo(field);
    await field.page().keyboard.press('ControlOrMeta+A');
    await field.page().keyboard.type(value);
  },
};

/** Moves the focus as a person would, until it is there; further presses of the key are ignored. */
async function tabTo(target: Locator): Promise<void> {
  const page = target.page();
  await target.evaluate((element) => {
    const stop = (event: KeyPress) => {
      if (document.activeElement !== element) return;
      if (event.key === 'Tab') event.preventDefault();
      else document.removeEventListener('keydown', stop, true);
    };
    document.addEventListener('keydown', stop, true);
  });
  for (let tabs = 0; tabs < MOST_TABS; tabs += TABS_AT_ONCE) {
    const isThere = await target.evaluate((element) => document.activeElement === element);
    if (isThere) return;
    await Promise.all(Array.from({ length: TABS_AT_ONCE }, () => page.keyboard.press('Tab')));
  }
  assert.fail(`the keyboard does not reach ${target}`);
}

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
