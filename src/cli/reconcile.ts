import type { Command } from 'commander';
import {
  type AccountBooks,
  listBooks,
  reconcile,
  reportImbalances,
} from '../domain/books/proof.ts';
import { readPage } from '../domain/page.ts';
import { perform, withExample } from './operation.ts';
import { count, moreAt, table } from './print.ts';
import * as values from './values.ts';

interface ReconcileOptions {
  account?: number;
  list?: true;
  after?: number;
  limit: number;
}

export function reconcileCommand(on: Command): void {
  withExample(on, 'reconcile')
    .option('--account <username>', 'only this billing account', values.username)
    .option('--list', 'show the books of accounts that balance, too')
    .option('--after <username>', 'with --list: start after this account', values.username)
    .addOption(values.limitOption(50));
  perform(on, async ({ db, clock }, options: ReconcileOptions) => {
    const { account, limit } = options;
    const books = await reconcile(db, account);
    const { accounts, calls, imbalances } = books;
    await reportImbalances(db, imbalances, clock());
    const checked = `${count(accounts, 'billing account')} and ${count(calls, 'call')} checked`;
    const verdict =
      imbalances.length > 0
        ? `${checked}: ${count(imbalances.length, 'imbalance')}`
        : `${checked}: the books balance.`;
    const failed = imbalances.length > 0;
    if (!options.list) {
      const text = failed ? `${booksText(imbalances)}\n${verdict}` : verdict;
      return { json: books, text, failed };
    }
    const { rows: listed, next } = await readPage(
      limit,
      (limit) => listBooks(db, { account, after: options.after ?? 0, limit }),
      ({ account }) => account,
    );
    return {
      json: { ...books, books: listed, next },
      text: `${booksText(listed)}${moreAt('--after', next)}\n${verdict}`,
      failed,
    };
  });
}

function booksText(books: AccountBooks[]): string {
  return table(
    [
      'ACCOUNT',
      '>LEDGER',
      '>CALLS',
      '>EXPECTED',
      '>BALANCE',
      '>HOLDS',
      '>HELD',
      '>HELD CALLS',
      '>IN PROGRESS',
    ],
    books.map((row) => [
      row.account,
      row.ledger,
      row.calls,
      row.expected,
      row.cash,
      row.holds,
      row.held,
      String(row.heldCalls),
      String(row.inProgress),
    ]),
  );
}
