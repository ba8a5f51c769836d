import { randomUUID } from 'node:crypto';
import { Argument, type Command, Option } from 'commander';
import { requireBalance } from '../domain/books/balance.ts';
import {
  type LedgerEntry,
  type LedgerKind,
  listEntries,
  type PostedEntry,
  postByHand,
  reverseEntry,
} from '../domain/books/ledger.ts';
import type { EntryRecord } from '../domain/books/ledger-search.ts';
import type { Decimal } from '../domain/money.ts';
import { readPage } from '../domain/page.ts';
import {
  command,
  notOffered,
  type Output,
  operator,
  perform,
  performAnywhere,
} from './operation.ts';
import { moment, money, moreAt, table } from './print.ts';
import * as values from './values.ts';

const SAMPLE = '2345678901';

/** The commands of `account` that post to a billing account's ledger, or list it. */
export function ledgerCommands(group: Command): void {
  posting(group, {
    name: 'credit',
    description: 'add to the balance of a billing account',
    example: `account credit ${SAMPLE} 25 --reason 'Payment by card' --reference invoice-1001`,
    kind: 'payment',
    sign: '',
  });
  posting(group, {
    name: 'debit',
    description: 'take from the balance of a billing account',
    example: `account debit ${SAMPLE} 2.50 --reason 'Porting fee'`,
    kind: 'adjustment',
    sign: '-',
  });
  reverse(group);
  ledger(group);
}

/** For a credit on invoice, the text also says whether it is paid. */
function kindText({ kind, paid }: LedgerEntry): string {
  return paid === null ? kind : `${kind}, ${paid ? 'paid' : 'unpaid'}`;
}

interface Posting {
  name: string;
  description: string;
  example: string;
  kind: LedgerKind;
  sign: '' | '-';
}

function posting(group: Command, { name, description, example, kind, sign }: Posting): void {
  const on = command(group, name, description, example)
    .addArgument(values.usernameArgument())
    .addArgument(new Argument('<amount>', 'at most six decimals').argParser(values.amount))
    .requiredOption('--reason <text>', 'why; the ledger keeps it', values.words)
    .option(
      '--reference <text>',
      'counts once for an account, so that a repetition changes nothing',
      values.reference,
    );
  if (kind === 'payment') {
    on.addOption(
      new Option('--on-invoice', 'lend it until the invoice is paid').conflicts('settles'),
    ).option(
      '--settles <entry-id>',
      'it pays the credit on invoice of that id from `account ledger`, of the same amount',
      values.recordId,
    );
  }
  const output = (
    account: number,
    amount: Decimal,
    options: PostingOptions,
    { id, cash, posted }: PostedEntry,
  ): Output => {
    const { reference, onInvoice } = options;
    const said = posted
      ? done(id, amount, sign, options)
      : `Nothing changed: the reference ${reference} was posted before.`;
    return {
      json: { username: account, ...(onInvoice ? { entry: id } : {}), posted, cash },
      text: `${said} Balance of ${account}: ${money(cash)}`,
    };
  };
  perform(
    on,
    async ({ db, clock }, account: number, amount: Decimal, options: PostingOptions) => {
      const { reason, reference, onInvoice, settles } = options;
      const result = await postByHand(db, operator(), {
        account,
        kind: onInvoice ? 'credit on invoice' : kind,
        amount: `${sign}${amount}`,
        reason,
        reference,
        settles,
        at: clock(),
      });
      return output(account, amount, options, result);
    },
    async (remote, account, amount, options) => {
      const { reason, onInvoice, settles, reference = `command ${randomUUID()}` } = options;
      const answer = await remote.post<PostedAnswer>(`/accounts/${account}/ledger-entries`, {
        type: sign === '-' ? 'debit' : 'credit',
        kind: onInvoice ? 'credit on invoice' : kind,
        ...{ amount, reason, reference },
        ...(settles === undefined ? {} : { settles: String(settles) }),
      });
      return output(account, amount, options, postedOf(answer));
    },
  );
}

/** What the operators' API answers to a posting. */
interface PostedAnswer {
  posted: boolean;
  entry: { id: string; amount: Decimal };
  balance: { cash: Decimal };
}

const postedOf = ({ posted, entry, balance }: PostedAnswer): PostedEntry => ({
  id: Number(entry.id),
  cash: balance.cash,
  posted,
});

interface PostingOptions {
  reason: string;
  reference?: string;
  onInvoice?: true;
  settles?: number;
}

function done(id: number, amount: Decimal, sign: string, options: PostingOptions): string {
  const { onInvoice, settles } = options;
  if (onInvoice) return `Lent ${money(amount)} on invoice as entry ${id}.`;
  if (settles) return `${money(amount)} pay the credit on invoice ${settles}.`;
  return `${sign === '-' ? 'Debited' : 'Credited'} ${money(amount)}.`;
}

function reverse(group: Command): void {
  const on = command(
    group,
    'reverse',
    'take an entry of the ledger back by one of the opposite amount, once',
    `account reverse ${SAMPLE} 17 --reason 'Charged by mistake'`,
  )
    .addArgument(values.usernameArgument())
    .addArgument(new Argument('<entry-id>', 'from `account ledger`').argParser(values.recordId))
    .requiredOption('--reason <text>', 'why; the ledger keeps it', values.words);
  const output = (
    username: number,
    entry: number,
    { posted, cash, amount, id }: PostedEntry & { amount: Decimal },
  ): Output => {
    const done = posted
      ? `Posted ${money(amount)} as entry ${id}, which takes entry ${entry} back.`
      : `Nothing changed: entry ${id} has taken entry ${entry} back before.`;
    return {
      json: { username, entry, reversal: id, amount, posted, cash },
      text: `${done} Balance of ${username}: ${money(cash)}`,
    };
  };
  perform(
    on,
    async ({ db, clock }, account: number, entry: number, { reason }: { reason: string }) =>
      output(
        account,
        entry,
        await reverseEntry(db, operator(), { account, entry, reason }, clock()),
      ),
    async (remote, account, entry, { reason }) => {
      const path = `/accounts/${account}/ledger-entries/${entry}/reversal`;
      const answer = await remote.post<PostedAnswer>(path, { reason });
      return output(account, entry, { ...postedOf(answer), amount: answer.entry.amount });
    },
  );
}

function ledger(group: Command): void {
  const on = command(
    group,
    'ledger',
    'what was posted to a billing account, newest first; calls are not in it',
    `account ledger ${SAMPLE} --limit 20`,
  )
    .addArgument(values.usernameArgument())
    .addOption(values.limitOption(50))
    .option('--before <id>', 'start before this entry', values.recordId);
  const pageOf = (limit: number, read: (limit: number) => Promise<LedgerEntry[]>) =>
    readPage(limit, read, ({ id }) => id);
  performAnywhere(
    on,
    async ({ db }, username: number, options: { limit: number; before?: number }) => {
      const { limit: most, before } = options;
      await requireBalance(db, username);
      return pageOf(most, (limit) => listEntries(db, username, { before, limit }));
    },
    (remote, username, { limit: most, before }) => {
      if (before !== undefined) throw notOffered('--before');
      const path = `/accounts/${username}/ledger-entries`;
      return pageOf(most, async (limit) => {
        const entries = await remote.list<EntryRecord>(path, limit);
        return entries.map(({ account: _, lines: __, ...entry }) => entry);
      });
    },
  )(({ rows: entries, next }) => ({
    json: { entries, next },
    text:
      table(
        ['ID', 'POSTED', 'KIND', '>AMOUNT', 'REASON', 'REFERENCE', 'BY'],
        entries.map((entry) => [
          entry.id,
          moment(entry.createdAt),
          kindText(entry),
          money(entry.amount),
          entry.reason,
          entry.reference ?? '-',
          entry.actor,
        ]),
        'Nothing was posted.',
      ) + moreAt('--before', next),
  }));
}
