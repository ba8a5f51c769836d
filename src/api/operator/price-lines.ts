import {
  type PriceFile,
  type PriceLine,
  priceLines,
  readPriceRows,
} from '../../domain/rating/price-csv.ts';
import { Refusal } from '../../domain/refusal.ts';
import { parseStrictJson } from '../../http/strict-json.ts';

/** The members of a price and their types, in the order of the columns of a price file. */
const MEMBERS: Record<string, 'string' | 'number'> = {
  prefix: 'string',
  rate: 'string',
  name: 'string',
  minimumSeconds: 'number',
  incrementSeconds: 'number',
  connectFee: 'string',
  minimumCharge: 'string',
  validFrom: 'string',
};
/** The end of a price is the beginning of the next one, so it is not read. */
const IGNORED = 'validUntil';
const KNOWN = [...Object.keys(MEMBERS), IGNORED].join(', ');

/**
 * Reads a price list as NDJSON, with the members of `GET /price-lists/{name}/prices`.
 * @returns the prices, and every fault with its line
 */
export async function readPriceLines(ndjson: string): Promise<PriceFile> {
  let hasEnds = false;
  const rows = function* (): Generator<PriceLine> {
    for (const line of priceLines(ndjson, /\r?\n/g)) {
      if (typeof line !== 'string' || line.trim() === '') {
        yield line;
        continue;
      }
      const price = objectOf(line);
      const wrong = price ? faultsOf(price) : ['must be a JSON object with each member once'];
      hasEnds ||= typeof price?.[IGNORED] === 'string';
      yield price && wrong.length === 0
        ? rowOf(price)
        : wrong.map((text) => ({ key: 'mapped', text }));
    }
  };
  const file = await readPriceRows(rows());
  return { ...file, ignored: hasEnds ? [IGNORED] : [] };
}

/** The price as a line of a price file. */
function rowOf(price: Record<string, unknown>): string {
  return Object.keys(MEMBERS)
    .map((name) => `"${String(price[name] ?? '').replaceAll('"', '""')}"`)
    .join(',');
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseStrictJson(Buffer.from(text), { mostLevels: 1 });
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function faultsOf(price: Record<string, unknown>): string[] {
  return Object.entries(price).flatMap(([name, value]) => {
    const type = Object.hasOwn(MEMBERS, name) ? MEMBERS[name] : undefined;
    const shown = JSON.stringify(name.slice(0, 100));
    if (!type) return name === IGNORED ? [] : [`there is no ${shown}; known: ${KNOWN}`];
    const isPlain = typeof value === type && !/[\r\n]/.test(String(value));
    if (isPlain || value === null) return [];
    return [`${shown} must be a ${type}${type === 'string' ? ' in one line' : ''}, or null`];
  });
}
