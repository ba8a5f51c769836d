import type { Config } from './config.ts';
import type { Database } from './db/database.ts';
import type { Queue } from './db/queue.ts';
import type { Reader } from './db/replica.ts';
import type { HourlyLimit } from './domain/access/hourly-limit.ts';
import type { Keyring } from './domain/sealing/keyring.ts';

/** The parts of a running service; routes, jobs and commands pass on the parts that are needed. */
export interface Service {
  config: Config;
  db: Database;
  /** for reading calls: the replica if there is one, else `db` */
  reader: Reader;
  queue: Queue;
  keyring: Keyring;
  /** counts wrong passwords, by username */
  signInFailures: HourlyLimit;
  /** the time; tests set their own */
  clock: () => Date;
}
