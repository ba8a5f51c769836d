import type { Queue } from '../../db/queue.ts';
import type { Keyring } from '../sealing/keyring.ts';

/** Tools for changes of an account's credentials, besides the database. */
export interface CredentialTools {
  keyring: Keyring;
  /** for the mails about the change */
  queue: Queue;
  now: Date;
}
