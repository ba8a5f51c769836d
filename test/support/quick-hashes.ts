import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import type { hash as Hash } from '@node-rs/argon2';

// As CommonJS, whose exports can be changed before they are imported.
const argon2: { hash: typeof Hash } = createRequire(import.meta.url)('@node-rs/argon2');
const { hash } = argon2;
let areQuick = true;

// Thousands of passwords are hashed for accounts of tests about something else.
argon2.hash = (password, options, signal) =>
  hash(password, areQuick ? { ...options, memoryCost: 1_024, timeCost: 1 } : options, signal);

/** For files that test hashing: their hashes are those of the service. */
export function hashInEarnest(): void {
  before(() => {
    areQuick = false;
  });
  after(() => {
    areQuick = true;
  });
}
