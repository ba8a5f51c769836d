import { Argument, type Command, Option } from 'commander';
import { requireBalance } from '../domain/books/balance.ts';
import {
  type LedgerEntry,
  type LedgerKind,
  listEntries,
  postByHand,
  reverseEntry,
} from '../domain/books/ledger.ts';
import type { Decimal } from '../domain/money.ts';
import { readPage } from '../domain/page.ts';
import { command, operator, perform } from './operation.ts';
import { moment, money, moreAt, table } from './print.ts';
import * as values from './values.ts';

const SAMPLE = '2345678901';

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
  perform(on, async ({ db, clock }, account: number, amount: Decimal, options: PostingOptions) => {
    const { reason, reference, onInvoice, settles } = options;
    const { id, cash, posted } = await postByHand(db, operator(), {
      account,
      kind: onInvoice ? 'credit on invoice' : kind,
      amount: `${sign}${amount}`,
      reason,
      reference,
      settles,
      at: clock(),
    });
    return {
      json: { username: account, ...(onInvoice ? { entry: id } : {}), posted, cash },
      text: `${posted ? done(id, amount, sign, options) : `Nothing changed: the reference ${reference} was posted before.`} Balance of ${account}: ${money(cash)}`,
    };
  });
}

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
  perform(
    on,
    async ({ db, clock }, account: number, entry: number, { reason }: { reason: string }) => {
      const result = await reverseEntry(db, operator(), { account, entry, reason }, clock());
      const { posted, cash, amount, id } = result;
      const done = posted
        ? `Posted ${money(amount)} as entry ${id}, which takes entry ${entry} back.`
        : `Nothing changed: entry ${id} has taken entry ${entry} back before.`;
      return {
        json: { username: account, entry, reversal: id, amount, posted, cash },
        text: `${done} Balance of ${account}: ${money(cash)}`,
      };
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
  perform(on, async ({ db }, username: number, options: { limit: number; before?: number }) => {
    const { limit, before } = options;
    await requireBalance(db, username);
    const { rows: entries, next } = await readPage(
      limit,
      (limit) => listEntries(db, username, { before, limit }),
      ({ id }) => id,
    );
    const text = table(
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
    );
    return {
      json: { entries, next },
      text: entries.length > 0 ? text + moreAt('--before', next) : 'Nothing was posted.',
    };
  });
}
