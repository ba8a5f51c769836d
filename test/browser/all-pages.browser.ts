import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultsOf } from './checks.ts';
import { addHardFigures } from './figures.ts';
import { openPage } from './pages.ts';
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
