import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priceFaultText } from '../../domain/rating/price-fault.ts';
import { readPriceLines } from './price-lines.ts';

test('a file that is no price list is read no further than its limits', async () => {
  const problems = async (text: string) =>
    (await readPriceLines(text)).faults.map(
      ({ line, fault }) => `${line}: ${priceFaultText(fault)}`,
    );
  const faults = await problems('x\n'.repeat(20_000));
  assert.equal(faults.length, 10_002);
  assert.deepEqual(faults.slice(-2), [
    '10001: must be a JSON object with each member once',
    '10002: there are more than 10000 faults, so the file is read no further',
  ]);
  assert.deepEqual(await problems('\n'.repeat(20_000_000)), [
    '1000001: the file has more than 1000000 lines',
  ]);
  const price = '{"prefix":"44","rate":"0.1"}';
  const most = 'the line has more than 65536 characters';
  assert.deepEqual(await problems(`${price}\n${'['.repeat(10_000_000)}\n\n`), [`2: ${most}`]);
});
