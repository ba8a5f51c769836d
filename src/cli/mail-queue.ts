import { Argument, type Command, InvalidArgumentError } from 'commander';
import { dropMail, listMails, retryMail } from '../domain/account/mail-queue.ts';
import { readPage } from '../domain/page.ts';
import type { OpenService } from '../open-service.ts';
import { command, operator, perform } from './operation.ts';
import { count, moment, moreAt, table } from './print.ts';
import * as values from './values.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PAGE = 1_000;
const SAMPLE = '5e5ee971-7344-44d3-9304-f345c3afa370';

/**
 * The commands of `mail` for mails in the queue: list them, retry or drop those that were given
 * up.
 */
export function mailQueueCommands(group: Command): void {
  const list = command(
    group,
    'list',
    'mails that were given up, oldest first; they are kept for 60 days',
    'mail list --limit 20',
  )
    .option('--waiting', 'those that wait for their next try instead')
    .addOption(values.limitOption(50))
    .option('--after <id>', 'start after this mail', mailId);
  perform(list, async ({ queue }, options: { waiting?: true; limit: number; after?: string }) => {
    const { waiting, limit, after } = options;
    const which = waiting ? 'waiting' : 'parked';
    const { rows: mails, next } = await readPage(
      limit,
      (limit) => listMails(queue, which, { after, limit }),
      ({ id }) => id,
    );
    const text = table(
      ['ID', 'QUEUED', 'TO', 'KIND', '>TRIES', 'LAST FAILURE'],
      mails.map((mail) => [
        mail.id,
        moment(mail.queuedAt),
        mail.to,
        mail.kind,
        mail.tries,
        mail.failure ?? '-',
      ]),
      'No mail.',
    );
    return { json: { mails, next }, text: text + moreAt('--after', next) };
  });

  const retry = some(
    command(
      group,
      'retry',
      'send mails that were given up after all, with new links where they have any',
      `mail retry ${SAMPLE}`,
    ),
  );
  perform(retry, async (service, ids: string[], { all }: { all?: true }) => {
    const { db, queue, clock } = service;
    const chosen = all ? await allParked(service) : ids;
    for (const id of chosen) await retryMail(db, operator(), { queue, now: clock() }, id);
    return {
      json: { retried: chosen },
      text: `Queued ${count(chosen.length, 'mail')} again.`,
    };
  });

  const drop = some(
    command(group, 'drop', 'forget mails that were given up', `mail drop ${SAMPLE}`),
  );
  perform(drop, async (service, ids: string[], { all }: { all?: true }) => {
    const { db, queue, clock } = service;
    const chosen = all ? await allParked(service) : ids;
    for (const id of chosen) await dropMail(db, operator(), { queue, now: clock() }, id);
    return { json: { dropped: chosen }, text: `Dropped ${count(chosen.length, 'mail')}.` };
  });
}

/** The mails that a command works on: the named ones, or all. */
function some(on: Command): Command {
  return on
    .addArgument(new Argument('[id...]', 'mails of `mail list`').argParser(values.several(mailId)))
    .option('--all', 'all that were given up')
    .hook('preAction', (command) => {
      const { all } = command.opts<{ all?: true }>();
      if (command.args.length > 0 === Boolean(all)) {
        command.error('name the mails by their ids, or say --all');
      }
    });
}

async function allParked({ queue }: OpenService): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const page = await listMails(queue, 'parked', { after: ids.at(-1), limit: PAGE });
    ids.push(...page.map(({ id }) => id));
    if (page.length < PAGE) return ids;
  }
}

function mailId(text: string): string {
  if (!UUID.test(text)) throw new InvalidArgumentError('Must be the id of a mail.');
  return text;
}
