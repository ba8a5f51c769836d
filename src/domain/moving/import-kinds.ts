import { accountKind } from './import-accounts.ts';
import { balanceKind, numberKind, serviceKind, sipKind } from './import-belongings.ts';
import type { ImportKind } from './import-kind.ts';
import type { ImportKindName } from './mapping.ts';

/** All kinds of things that are imported. */
export const KINDS: Record<ImportKindName, ImportKind> = {
  accounts: accountKind,
  sip: sipKind,
  numbers: numberKind,
  services: serviceKind,
  balances: balanceKind,
};
