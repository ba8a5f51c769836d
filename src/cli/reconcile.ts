import type { Command } from 'commander';
import { reconcile } from '../domain/books.ts';
import { command, perform } from './operation.ts';
import { count, table } from './print.ts';

export function reconcileCommand(program: Command): void {
  const on = command(
    program,
    'reconcile',
    'prove the books: cash is what ledger and calls add up to; status 1 where it is not',
    'reconcile',
  );
  perform(on, async ({ db }) => {
    const books = await reconcile(db);
    const { accounts, calls, imbalances } = books;
    const checked = `${count(accounts, 'billing account')} and ${count(calls, 'call')} checked`;
    const text = table(
      ['ACCOUNT', '>CASH', '>EXPECTED'],
      imbalances.map(({ account, cash, expected }) => [account, cash, expected]),
    );
    return {
      json: books,
      text:
        imbalances.length > 0
          ? `${text}\n${checked}: ${count(imbalances.length, 'imbalance')}`
          : `${checked}: the books balance.`,
      failed: imbalances.length > 0,
    };
  });
}
