import type { Command } from 'commander';
import { type AccountBooks, listBooks, reconcile } from '../domain/books/proof.ts';
import { perform, withExample } from './operation.ts';
import { count, table } from './print.ts';
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
  perform(on, async ({ db }, options: ReconcileOptions) => {
    const { account, limit } = options;
    const books = await reconcile(db, account);
    const { accounts, calls, imbalances } = books;
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
    const found = await listBooks(db, { account, after: options.after ?? 0, limit: limit + 1 });
    const listed = found.slice(0, limit);
    const next = found.length > limit ? (listed.at(-1)?.account ?? null) : null;
    const more = next ? `\nMore: add --after ${next}` : '';
    return {
      json: { ...books, books: listed, next },
      text: `${booksText(listed)}${more}\n${verdict}`,
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
