import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Database } from '../db/database.ts';
import { readEvents } from '../domain/webhook/event-log.ts';
import { command, type Output, openForCommand, performWithout, print } from './operation.ts';
import { moment, printable, table } from './print.ts';
import * as values from './values.ts';

const FOLLOW_MS = 1_000;
const MOST = 1_000;

interface ListOptions {
  after?: number;
  type?: string[];
  account?: number;
  limit: number;
  follow?: true;
}

/** `events`: a page of events, oldest first, or all and new ones until the command is stopped. */
export function eventCommands(group: Command): void {
  const on = command(
    group,
    'list',
    'events in the order of their numbers, from the oldest one that is kept',
    'events list --type ledger.posted,account.suspended --limit 20',
  )
    .option('--after <number>', 'start after the event with this number', values.eventNumber)
    .option('--type <list>', 'only these types, separated by commas', values.eventTypes)
    .option('--account <username>', 'only about this account', values.username)
    .addOption(values.limitOption(50))
    .option('--follow', 'print all, and new ones as they happen, each as a line of JSON');
  performWithout(on, async (config, options: ListOptions) => {
    const { db, close } = await openForCommand(config);
    try {
      if (options.follow) await follow(db, options);
      else print(on, await list(db, options));
    } finally {
      await close();
    }
  });
}

async function list(db: Database, { after, type, account, limit }: ListOptions): Promise<Output> {
  const { events, next } = await readEvents(db, { types: type, account }, { after, limit });
  const text = table(
    ['>NUMBER', 'AT', 'TYPE', 'ACCOUNT', 'DATA'],
    events.map((event) => [
      event.sequence,
      moment(event.timestamp),
      event.type,
      event.account ?? '-',
      JSON.stringify(event.data),
    ]),
    'No event.',
  );
  return {
    json: { events, next: String(next) },
    text,
    note: `Later events: --after ${next}`,
  };
}

/** Prints events until the command is stopped. */
async function follow(db: Database, { after, type, account }: ListOptions): Promise<void> {
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true;
  });
  for (let from = after; !stopped; ) {
    const filter = { types: type, account };
    const { events, next } = await readEvents(db, filter, { after: from, limit: MOST });
    for (const event of events) process.stdout.write(`${printable(JSON.stringify(event))}\n`);
    from = next;
    if (events.length < MOST) await sleep(FOLLOW_MS);
  }
}
