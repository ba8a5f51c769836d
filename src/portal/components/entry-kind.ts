import type { LedgerKind } from '../../domain/books/ledger.ts';

interface Words {
  kinds: Record<LedgerKind, string>;
  kindAndState: (kind: string, isPaid: boolean) => string;
}

/** The kind of a ledger entry; for a credit on invoice, also whether it is paid. */
export function entryKind(
  words: Words,
  { kind, paid }: { kind: LedgerKind; paid: boolean | null },
): string {
  const name = words.kinds[kind];
  return paid === null ? name : words.kindAndState(name, paid);
}
