import type { Currency } from '../../currency.ts';
import type { Queryable } from '../../db/database.ts';

/** The service is set to another currency than that of the amounts that were posted. */
export class OtherCurrency extends Error {}

/**
 * Makes sure that the amounts in the books are of the currency that is set. Until anything is
 * posted, the currency may change.
 * @throws OtherCurrency
 */
export async function requireCurrency(db: Queryable, currency: Currency): Promise<void> {
  if ((await storedCurrency(db)) === currency) return;
  await db.query(
    `INSERT INTO currency (code) VALUES ($1)
     ON CONFLICT (only_row) DO UPDATE SET code = excluded.code
       WHERE NOT EXISTS (SELECT FROM ledger_entry) AND NOT EXISTS (SELECT FROM call)`,
    [currency],
  );
  const stored = await storedCurrency(db);
  if (stored === currency) return;
  throw new OtherCurrency(
    `CURRENCY is ${currency}, but the amounts in the books are ${stored}; set CURRENCY=${stored}`,
  );
}

async function storedCurrency(db: Queryable): Promise<Currency | undefined> {
  const [row] = await db.query<{ code: Currency }>('SELECT code FROM currency');
  return row?.code;
}
