import type { Queue } from '../../db/queue.ts';
import type { Keyring } from '../sealing/keyring.ts';

/** What changes of an account's credentials need in addition to the database. */
export interface CredentialTools {
  keyring: Keyring;
  /** for the mails about the change */
  queue: Queue;
  now: Date;
}
