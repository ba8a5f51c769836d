import type { AsyncHook, createHook as CreateHook } from 'node:async_hooks';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const asyncHooks: { createHook: typeof CreateHook } = require('node:async_hooks');
const { createHook } = asyncHooks;
let hook: AsyncHook | undefined;
// `node:test` makes its hook with it, and must not be loaded before.
asyncHooks.createHook = (callbacks) => {
  hook = createHook(callbacks);
  return hook;
};
require('node:test');
asyncHooks.createHook = createHook;

/**
 * The test runner follows each promise of the process: while a file is read to know the suite of a
 * test, and while tests run to know the test of an uncaught error. The latter takes a fifth of the
 * time of tests in whose process the service runs. Without it, such an error fails the process.
 */
export function followPromises(follow: boolean): void {
  if (follow) hook?.enable();
  else hook?.disable();
}
