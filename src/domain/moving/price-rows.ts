import { InvalidPrefix, readPrefix } from '../rating/prefix.ts';
import { LONGEST_PRICE_NAME, type Price, type PriceFile } from '../rating/price-csv.ts';
import { type Encoding, FileFault, type OpenFile, readFileRows } from './file-rows.ts';
import { type ImportOptions, PLAIN_OPTIONS } from './import-kind.ts';
import { MemberFault, moment, rate, seconds } from './import-value.ts';
import { type Mapping, RowMapper } from './mapping.ts';
import { type ReadKind, RowReading } from './read-row.ts';

/** Prices of another system's file. */
export interface MappedPrices extends PriceFile {
  /** rows that the mapping leaves out, such as rates of some hours of the day */
  skipped: number;
  /** prefixes that are taken without a value that `accept` gives up */
  givenUp: string[];
}

const KIND: ReadKind = {
  name: 'prices',
  members: {
    prefix: {
      isRequired: true,
      read: (text) => {
        try {
          return readPrefix(text);
        } catch (error) {
          if (!(error instanceof InvalidPrefix)) throw error;
          throw new MemberFault(error.message);
        }
      },
    },
    name: {
      read: (text) => {
        if (text.length <= LONGEST_PRICE_NAME && !/\p{Cc}/u.test(text)) return text;
        throw new MemberFault(`Must be at most ${LONGEST_PRICE_NAME} characters`);
      },
    },
    rate: { read: rate, isRequired: true },
    minimum: { read: seconds(0) },
    increment: { read: seconds(1) },
    connectFee: { read: rate },
    minimumCharge: { read: rate },
    validFrom: { read: (text) => moment(text).toISOString() },
  },
  check: ({ values: { minimum, increment } }) =>
    (minimum === undefined) === (increment === undefined)
      ? []
      : [{ column: 'minimum', detail: 'minimum and increment go together' }],
};

/**
 * Reads a price list of another system by its mapping.
 * @returns the prices, and every fault with its line; they are imported whole or not at all
 * @throws FileFault if the file cannot be read, or has columns of money that are not understood
 */
export async function readMappedPrices(
  open: OpenFile,
  mapping: Mapping,
  options: Pick<ImportOptions, 'accept' | 'roundRates'> & { encoding: Encoding; currency: string },
): Promise<MappedPrices> {
  const mapper = new RowMapper(mapping, KIND.name, options);
  const { currency, ...given } = options;
  const reading = new RowReading(KIND, mapper, {
    options: { ...PLAIN_OPTIONS, ...given },
    currency,
  });
  const file: MappedPrices = { prices: [], faults: [], ignored: [], skipped: 0, givenUp: [] };
  const lineOf = new Map<string, number>();
  for await (const row of readFileRows(open, options.encoding, ({ titles }) => {
    const { unknown, money } = mapper.unknownOf(titles);
    if (money.length > 0) throw new FileFault(notUnderstood(money));
    file.ignored = unknown;
  })) {
    const found = reading.read(row);
    if ('skipped' in found) file.skipped++;
    else if ('faults' in found) {
      const texts = found.faults.map(({ column, detail }) =>
        column ? `${column}: ${detail}` : detail,
      );
      file.faults.push({ line: found.line, fault: { key: 'mapped', text: texts.join('; ') } });
    } else {
      const price = priceOf(found.row.values);
      const key = `${price.prefix} ${price.validFrom ?? ''}`;
      const earlier = lineOf.get(key);
      if (earlier !== undefined) {
        const fault = { key: 'repeated', prefix: price.prefix, line: earlier } as const;
        file.faults.push({ line: row.line, fault });
      }
      lineOf.set(key, row.line);
      if (found.row.values.givenUp) file.givenUp.push(price.prefix);
      file.prices.push(price);
    }
  }
  return file;
}

/** What the message of a file with unknown columns of money says. */
export const notUnderstood = (columns: string[]) =>
  `columns that may be money are not understood: ${columns.join(', ')}; --accept gives one up`;

function priceOf(values: Record<string, unknown>): Price {
  const { prefix, name = '', rate, minimum = null, increment = null } = values;
  const { connectFee = '0', minimumCharge = '0', validFrom = null } = values;
  const price = { prefix, name, rate, minimumSeconds: minimum, incrementSeconds: increment };
  return { ...price, connectFee, minimumCharge, validFrom } as Price;
}
