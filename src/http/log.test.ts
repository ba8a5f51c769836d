import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from './log.ts';

test('of an error, and of the plain object into which pg-boss copies one, the cause is logged and no data', () => {
  const lines: string[] = [];
  const log = createLog('error', { write: (line) => void lines.push(line) });
  const row = { detail: 'Failing row contains (secret)', code: '23514', constraint: 'positive' };
  const error = Object.assign(new Error('refused', { cause: 'a reason' }), row);
  log.error({ err: error }, 'database');
  log.error({ err: { ...row, message: 'refused', stack: error.stack, queue: 'mail' } }, 'database');
  const told = {
    type: 'Error',
    message: 'refused',
    code: '23514',
    constraint: 'positive',
    stack: error.stack,
  };
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).err),
    [{ ...told, cause: { type: 'string', message: 'a reason' } }, told],
  );
});
