import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { checkPage } from './checks.ts';
import { openPage } from './pages.ts';
import { openStage, type Stage } from './stage.ts';
import { tour } from './tour.ts';

let stage: Stage;
before(async () => {
  stage = await openStage();
});
after(() => stage?.stop());

test('axe finds nothing on any page, and none is cut off or moves while it loads', {
  timeout: 600_000,
}, async () => {
  const { context, page, complaints } = await openPage(stage, true);
  const wrong: string[] = [];
  await tour(stage, page, 0, async (name) => {
    await checkPage(page).catch((error: Error) => wrong.push(`${name}: ${error.message}`));
  });
  assert.deepEqual(wrong, []);
  assert.deepEqual(complaints, []);
  await context.close();
});
