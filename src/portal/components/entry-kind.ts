import type { LedgerEntry } from '../../domain/books/ledger.ts';
import type { Messages } from '../messages/index.ts';

/** The kind of a ledger entry; for a credit on invoice, also whether it is paid. */
export function entryKind(
  { charges }: Pick<Messages, 'charges'>,
  { kind, paid }: Pick<LedgerEntry, 'kind' | 'paid'>,
): string {
  const name = charges.kinds[kind];
  return paid === null ? name : charges.kindAndState(name, paid);
}
