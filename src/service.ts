import type { Config } from './config.ts';
import type { Database } from './db/database.ts';
import type { Queue } from './db/queue.ts';
import type { Reader } from './db/replica.ts';
import type { HourlyLimit } from './domain/access/hourly-limit.ts';
import type { Keyring } from './domain/sealing/keyring.ts';

/** What a running service consists of; routes, jobs and commands take from it what they hand on. */
export interface Service {
  config: Config;
  db: Database;
  /** for calls that are looked at: a replica where there is one, else `db` */
  reader: Reader;
  queue: Queue;
  keyring: Keyring;
  /** counts wrong passwords, by username */
  signInFailures: HourlyLimit;
  /** the time; tests set their own */
  clock: () => Date;
}
