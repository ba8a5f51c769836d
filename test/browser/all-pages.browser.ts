import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultsOf, geometryFaultsOf } from './checks.ts';
import { addHardFigures } from './figures.ts';
import { openPage, signIn } from './pages.ts';
import { openStage, type Stage } from './stage.ts';
import { tour } from './tour.ts';

let stage: Stage;
before(async () => {
  stage = await openStage();
  await addHardFigures(stage);
});
after(() => stage?.stop());

test('with long names and large amounts, axe finds nothing, and nothing moves or reaches out of its place', {
  timeout: 600_000,
}, async () => {
  const { context, page, complaints } = await openPage(stage, true);
  const wrong: string[] = [];
  await tour(stage, page, 0, async (name) => {
    wrong.push(...(await faultsOf(page)).map((fault) => `${name}, ${fault}`));
  });
  assert.deepEqual(wrong, []);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('nothing reaches out of its place in German, whose words are longer', {
  timeout: 600_000,
}, async () => {
  const wrong: string[] = [];
  for (const credentials of [stage.customer, stage.administrator]) {
    const { context, page } = await openPage(stage, true);
    await signIn(page, credentials);
    await page.setExtraHTTPHeaders({ 'accept-language': 'de' });
    const isCustomer = credentials === stage.customer;
    await page.goto(isCustomer ? '/overview' : `/admin/accounts/${stage.customer.username}`);
    const links = await page.evaluate<string[]>(
      "[...document.querySelectorAll('nav a')].map((link) => link.getAttribute('href'))",
    );
    assert.ok(links.length >= (isCustomer ? 6 : 25), String(links));
    const more = isCustomer ? ['/accounts', '/phone', '/api/keys'] : ['/admin/accounts/new'];
    for (const path of [...links, ...more]) {
      await page.goto(path);
      assert.equal(await page.getAttribute('html', 'lang'), 'de', path);
      wrong.push(...(await geometryFaultsOf(page)).map((fault) => `${path}, ${fault}`));
    }
    await context.close();
  }
  assert.deepEqual(wrong, []);
});
