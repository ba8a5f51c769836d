import type { OperatorKey } from '../../domain/access/operator-key.ts';
import type { Scope } from '../../domain/access/operator-scope.ts';
import type { ImportKindName } from '../../domain/moving/mapping.ts';
import { pattern } from './framework/field.ts';
import { Problem, requireScope } from './framework/problem.ts';

/** The parameters of a path below an import. */
export const I = { id: pattern('^imp_[0-9a-f]{18}$', { description: 'Its id' }) };

/** The further scope that a key needs, by what it imports. */
const SCOPE_OF: Record<ImportKindName, Scope> = {
  accounts: 'accounts:write',
  sip: 'credentials:write',
  numbers: 'numbers:write',
  services: 'services:write',
  balances: 'ledger:write',
};

/** Checks that a key may import a kind. @throws Problem 403 */
export function requireKind(key: OperatorKey, kind: ImportKindName): void {
  requireScope(key, SCOPE_OF[kind]);
  if (kind === 'balances' && (key.entryLimit !== null || key.dayLimit !== null)) {
    throw new Problem(403, 'amount_limit', 'A key with limits of amounts imports no balances');
  }
}
