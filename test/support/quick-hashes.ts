import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import type { hash as Hash, verify as Verify } from '@node-rs/argon2';
import { NO_PASSWORD } from '../../src/domain/access/password.ts';

const QUICK = { memoryCost: 1_024, timeCost: 1 };
const QUICK_NO_PASSWORD = NO_PASSWORD.replace(/m=\d+,t=\d+/, 'm=1024,t=1');

// As CommonJS, whose exports can be changed before they are imported.
const argon2: { hash: typeof Hash; verify: typeof Verify } = createRequire(import.meta.url)(
  '@node-rs/argon2',
);
const { hash, verify } = argon2;
let areQuick = true;

// Thousands of passwords are hashed for accounts of tests about something else.
argon2.hash = (password, options, signal) =>
  hash(password, areQuick ? { ...options, ...QUICK } : options, signal);
argon2.verify = (phc, password, options, signal) =>
  verify(areQuick && phc === NO_PASSWORD ? QUICK_NO_PASSWORD : phc, password, options, signal);

/** For files that test hashing: their hashes are those of the service. */
export function hashInEarnest(): void {
  before(() => {
    areQuick = false;
  });
  after(() => {
    areQuick = true;
  });
}
