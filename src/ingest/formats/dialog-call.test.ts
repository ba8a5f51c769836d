import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../../test/support/parsing.ts';
import { SAMPLES } from '../../../test/support/records.ts';
import type { ReportedCall } from '../../domain/calls/call.ts';

const CALL = { account: 4_592_086_960, number: 1, start: 1_795_471_865 };

test('a record of an answered call that has no member for the dialled number is rejected', () => {
  for (const format of ['kamailio', 'opensips'] as const) {
    const whole = SAMPLES[format](CALL);
    const raw = whole.replace('"dst":"12125550123",', '');
    assert.notEqual(raw, whole);
    const detail = "dst is missing: each call would cost the account's own rate";
    assert.deepEqual(parsed(format, raw), [{ detail, raw, line: 1 }]);
  }
  const raw = SAMPLES.generic(CALL).replace('"dst":"12125550123",', '');
  assert.equal((parsed('generic', raw)[0] as ReportedCall).called, '');
});
