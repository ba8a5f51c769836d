import type { Command } from 'commander';
import type { Queryable } from '../db/database.ts';
import {
  type AccountBooks,
  listBooks,
  reconcile,
  reportImbalances,
} from '../domain/books/proof.ts';
import { readPage } from '../domain/page.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OpenService } from '../open-service.ts';
import { monthsIn } from './archive-files.ts';
import { isProved, type MonthProof, proveMonth } from './archive-proof.ts';
import { notOffered, perform, withExample } from './operation.ts';
import { count, moreAt, table } from './print.ts';
import { type Progress, startProgress } from './progress.ts';
import * as values from './values.ts';

interface ReconcileOptions {
  account?: number;
  list?: true;
  after?: number;
  limit: number;
  archive?: string;
  json?: true;
}

/**
 * `reconcile`: proves the books and, on request, archived months. The exit status is 1 for an
 * imbalance or a month that is not proved.
 */
export function reconcileCommand(on: Command): void {
  withExample(on, 'reconcile')
    .option('--account <username>', 'only this billing account', values.username)
    .option('--list', 'show the books of accounts that balance, too')
    .option('--after <username>', 'with --list: start after this account', values.username)
    .addOption(values.limitOption(50))
    .option('--archive <folder>', 'prove the archived months there, too');
  const work = async ({ db, clock }: OpenService, options: ReconcileOptions) => {
    const { account, limit } = options;
    let bar: Progress | undefined;
    const books = await reconcile(db, {
      account,
      onProgress: (done, total) => {
        bar ??= startProgress('MB', total, options);
        bar.update(done);
      },
    });
    bar?.stop();
    const { imbalances } = books;
    await reportImbalances(db, imbalances, clock());
    const proofs = options.archive ? await proveArchive(db, options.archive) : undefined;
    const verdict = verdictOf(books);
    const archive = proofs?.map(proofText).join('\n');
    const summary = archive ? `${archive}\n${verdict}` : verdict;
    const failed = imbalances.length > 0 || proofs?.some((proof) => !isProved(proof)) === true;
    const json = proofs ? { ...books, archive: proofs } : books;
    if (!options.list) {
      const text = imbalances.length > 0 ? `${booksText(imbalances)}\n${summary}` : summary;
      return { json, text, failed };
    }
    const { rows: listed, next } = await readPage(
      limit,
      (limit) => listBooks(db, { account, after: options.after ?? 0, limit }),
      ({ account }) => account,
    );
    return {
      json: { ...json, books: listed, next },
      text: `${booksText(listed)}${moreAt('--after', next)}\n${summary}`,
      failed,
    };
  };
  perform(on, work, async (remote, options) => {
    if (options.list || options.after !== undefined) throw notOffered('--list');
    if (options.archive !== undefined) throw notOffered('--archive');
    const only = options.account === undefined ? {} : { account: String(options.account) };
    const result = await remote.work<Books & { balanced: boolean }>('/reconciliations', only);
    const { balanced, accounts, calls, imbalances } = result;
    const books = { accounts, calls, imbalances };
    const verdict = verdictOf(books);
    const text = balanced ? verdict : `${booksText(books.imbalances)}\n${verdict}`;
    return { json: books, text, failed: !balanced };
  });
}

type Books = Awaited<ReturnType<typeof reconcile>>;

function verdictOf({ accounts, calls, imbalances }: Books): string {
  const checked = `${count(accounts, 'billing account')} and ${count(calls, 'call')} checked`;
  return imbalances.length > 0
    ? `${checked}: ${count(imbalances.length, 'imbalance')}`
    : `${checked}: the books balance.`;
}

async function proveArchive(db: Queryable, folder: string): Promise<MonthProof[]> {
  const proofs: MonthProof[] = [];
  for (const month of await monthsIn(folder)) proofs.push(await proveMonth(db, folder, month));
  if (proofs.length === 0) throw new Refusal('not found', `${folder} has no calls`);
  return proofs;
}

function proofText(proof: MonthProof): string {
  const { month, accounts, calls, damaged, wrong, differences } = proof;
  const read = `${month}: ${count(accounts, 'billing account')} and ${count(calls, 'call')} in the archive`;
  if (isProved(proof)) return `${read}, as the books kept them`;
  const files = damaged.map((file) => `${month}: ${file} is missing or was changed`);
  if (wrong === 0) return files.join('\n');
  const rows = differences.map(({ account, archive, books }) => [
    account,
    String(archive.calls),
    archive.paid,
    String(books.calls),
    books.paid,
  ]);
  const head = ['ACCOUNT', '>CALLS', '>PAID', '>CALLS IN BOOKS', '>PAID IN BOOKS'];
  return `${table(head, rows)}\n${read}: ${count(wrong, 'account')} with a difference`;
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
