import type { Queue } from '../../db/queue.ts';
import type { Keyring } from '../sealing/keyring.ts';

/** What changes of an account's credentials work with, besides the database. */
export interface CredentialTools {
  keyring: Keyring;
  /** for the mails that tell of it */
  queue: Queue;
  now: Date;
}
