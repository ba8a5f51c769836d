import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ParsedMail } from 'mailparser';
import { linkIn } from '../support/service.ts';
import { keyboard, mouse } from './hands.ts';
import { heading, openPage, signIn, text } from './pages.ts';
import { openStage, type Stage } from './stage.ts';

const PASSWORD = 'four words make one';

let stage: Stage;
let address = 'demo@example.com';
before(async () => {
  stage = await openStage({ HOW_TO_PAY: 'https://pay.example.com/{username}' });
});
after(() => stage?.stop());

const confirmation = ({ text = '' }: ParsedMail): string => {
  const link = /\S+\/confirm-address\?\S+/.exec(text)?.[0];
  assert.ok(link, text);
  return link;
};

for (const [name, hands] of [
  ['the mouse', mouse],
  ['the keyboard', keyboard],
] as const) {
  const { press, type, choose } = hands;

  test(`a new customer with ${name}`, { timeout: 300_000 }, async () => {
    const { context, page, complaints } = await openPage(stage, true);
    const email = `day-${name.replace(/ /g, '-')}@example.com`;
    await page.goto('/');
    await press(page.getByRole('link', { name: 'Create an account' }).first());
    await type(page.getByLabel('Name or company'), 'Day Ltd');
    await type(page.getByLabel('E-mail address'), email);
    await press(page.getByRole('button', { name: 'Create the account' }));
    await page.goto(linkIn(await stage.mail(email), 'verify'));
    await type(page.getByLabel('New password'), PASSWORD);
    await type(page.getByLabel('The same once more'), PASSWORD);
    await press(page.getByRole('button', { name: 'Verify and sign in' }));
    assert.equal(await heading(page), 'Overview');
    assert.match(await text(page, 'main'), /Calls begin with the first payment/);
    const pay = page.getByRole('link', { name: 'Pay now' });
    assert.match((await pay.getAttribute('href')) ?? '', /^https:\/\/pay\.example\.com\/\d{10}$/);
    assert.deepEqual(complaints, []);
    await context.close();
  });

  test(`a customer's day with ${name}`, { timeout: 300_000 }, async () => {
    const { context, page, complaints } = await openPage(stage, true);
    const menu = (link: string) =>
      page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: link, exact: true });
    const main = page.locator('main');
    await signIn(page, stage.customer);
    assert.match(await text(page, 'main'), /Calls go through/);

    await press(menu('Rates'));
    await type(page.getByLabel('Number'), '+442055501234');
    await press(page.getByRole('button', { name: 'Show the price' }));
    assert.match(
      await text(page, 'main'),
      /A call to \+442055501234.*Price per minute\s*\$0\.0125/s,
    );

    await press(menu('Calls'));
    await press(main.getByRole('link', { name: 'Last 7 days' }));
    assert.match(await text(page, 'main'), /Direction.*Outgoing/s);
    await press(main.getByRole('link', { name: 'Last 30 days' }));
    await choose(page.getByLabel('Outcome'), 'No answer');
    await press(page.getByRole('button', { name: 'Show' }));
    await page.waitForLoadState();
    const ended = await main.locator('td[data-label="Duration"]').allInnerTexts();
    assert.deepEqual([...new Set(ended)], ['No answer']);

    await press(menu('Overview'));
    await press(main.getByRole('link', { name: '2', exact: true }));
    assert.equal(await heading(page), 'Sub-accounts');
    assert.match(await text(page, 'main table'), /Spend.*Limits.*may call/s);

    const other = await openPage(stage, true);
    await signIn(other.page, stage.customer);
    await press(menu('Settings'));
    await press(page.getByRole('button', { name: 'End all others' }));
    await other.page.goto('/overview');
    assert.equal(await heading(other.page), 'Sign in');
    await other.context.close();

    const next = `demo-by-${name.replace(/ /g, '-')}@example.com`;
    const asked = new Date();
    await type(page.getByLabel('New address'), next);
    await type(page.locator('#address-password'), stage.customer.password);
    await press(page.getByRole('button', { name: 'Change the address' }));
    assert.match(await text(page, 'main'), /A change waits for the confirmation/);
    for (const [to, answer] of [
      [address, /once the other address has confirmed/],
      [next, /The address is changed/],
    ] as const) {
      await page.goto(confirmation(await stage.mail(to, { after: asked })));
      await press(page.getByRole('button', { name: 'Confirm the change' }));
      assert.match(await text(page, 'main'), answer);
    }
    address = next;
    assert.deepEqual(complaints, []);
    await context.close();
  });
}
