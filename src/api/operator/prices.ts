import { csvCell } from '../../domain/calls/call-file.ts';
import * as entered from '../../domain/entered-values.ts';
import { readPriceFile } from '../../domain/rating/price-csv.ts';
import { priceFaultText } from '../../domain/rating/price-fault.ts';
import { importPrices } from '../../domain/rating/price-import.ts';
import {
  findPriceList,
  type ListedPrice,
  listPriceLists,
  listPrices,
  type PriceListSummary,
  removePriceList,
} from '../../domain/rating/price-list.ts';
import { Refusal } from '../../domain/refusal.ts';
import {
  etagOf,
  ok,
  page,
  pageOfAll,
  removed,
  requireMatch,
  rowsOf,
  unlessGone,
} from './framework/answer.ts';
import { type Fields, flagText, optional, pattern, text } from './framework/field.ts';
import { PAGE, time } from './framework/fields.ts';
import { invalidValue, invalidValues, Problem } from './framework/problem.ts';
import { type Call, routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';
import { readPriceLines } from './price-lines.ts';

const route = routesOf('rates');

const FILE_TYPES = ['text/csv', 'application/x-ndjson'] as const;

const MOST_PRICES = 1_000_000;

const L = { name: text(entered.listName, { description: 'Name of the list', example: 'retail' }) };

const listSchema = s.object({
  name: s.name,
  prices: s.whole,
  scheduled: s.whole,
  accounts: s.whole,
  createdAt: s.moment,
  changedAt: s.moment,
  etag: s.name,
});

const etagOfList = ({ name, prices, scheduled, changedAt }: PriceListSummary) =>
  etagOf({ name, prices, scheduled, changedAt });

const lists = route('GET /price-lists', 'listPriceLists', {
  summary: 'The price lists and how many accounts have them',
  scope: 'prices:read',
  query: PAGE,
  answers: { 200: s.pageOf(listSchema) },
  handle: async (call) => {
    const all = await listPriceLists(call.service.db);
    return pageOfAll(
      call,
      all,
      ({ name }) => name,
      (list) => ({ ...list, etag: etagOfList(list) }),
    );
  },
});

const getList = route('GET /price-lists/{name}', 'getPriceList', {
  summary: 'A price list',
  scope: 'prices:read',
  params: L,
  tagged: true,
  answers: { 200: listSchema },
  handle: async ({ service, params }) => {
    const found = await findPriceList(service.db, params.name);
    if (!found) throw new Problem(404, 'not_found', `There is no price list ${params.name}`);
    const etag = etagOfList(found);
    return ok({ ...found, etag }, { etag });
  },
});

const deleteList = route('DELETE /price-lists/{name}', 'removePriceList', {
  summary: 'Remove a price list that no account has',
  scope: 'prices:write',
  params: L,
  tagged: true,
  answers: { 204: null },
  handle: async ({ service, actor, params, headers, now }) => {
    const found = await findPriceList(service.db, params.name);
    if (!found) return removed;
    requireMatch(headers, etagOfList(found));
    await removePriceList(service.db, actor, params.name, now).catch(unlessGone);
    return removed;
  },
});

const priceSchema = s.object({
  prefix: s.name,
  name: s.name,
  rate: s.money,
  minimumSeconds: s.orNull(s.whole),
  incrementSeconds: s.orNull(s.whole),
  connectFee: s.money,
  minimumCharge: s.money,
  validFrom: s.orNull(s.moment),
  validUntil: s.orNull(s.moment),
});

const getPrices = route('GET /price-lists/{name}/prices', 'listPrices', {
  summary: 'The prices of a list, by prefix',
  description: 'With `Accept: text/csv` or `application/x-ndjson`, all of them in one file.',
  produces: ['application/json', ...FILE_TYPES],
  scope: 'prices:read',
  params: L,
  query: {
    prefix: optional(pattern('^[0-9]{1,15}$', { description: 'First digits' })),
    at: optional(time('Those that count for calls that start then; left out, now')),
    ...PAGE,
  },
  answers: { 200: s.pageOf(priceSchema) },
  handle: async (call) => {
    const { db } = call.service;
    const { prefix = '', at = call.now } = call.query;
    const type = FILE_TYPES.find((known) => known === call.accepted);
    if (type) {
      const prices = await listPrices(db, call.params.name, { prefix, at, limit: MOST_PRICES });
      return { status: 200, body: priceFile(prices, type), headers: { 'content-type': type } };
    }
    const after = (call.after?.[0] as string | undefined) ?? '';
    const place = { prefix, at, after, limit: rowsOf(call) };
    const rows = await listPrices(db, call.params.name, place);
    return page(call, rows, (price) => [price.prefix]);
  },
});

function priceFile(prices: ListedPrice[], type: (typeof FILE_TYPES)[number]): string {
  if (type === 'application/x-ndjson')
    return prices.map((price) => `${JSON.stringify(price)}\n`).join('');
  const hasFees = prices.some(
    (price) => Number(price.connectFee) + Number(price.minimumCharge) > 0,
  );
  const rows = prices.map((price) => {
    const { prefix, rate, name, minimumSeconds, incrementSeconds } = price;
    const fees = hasFees ? [price.connectFee, price.minimumCharge] : [];
    const cells = [prefix, rate, csvCell(name), minimumSeconds ?? '', incrementSeconds ?? ''];
    return [...cells, ...fees].join(',');
  });
  const titles = [
    'prefix,rate,name,minimum,increment',
    ...(hasFees ? ['connect fee,minimum charge'] : []),
  ];
  return [titles.join(','), ...rows, ''].join('\r\n');
}

const countsSchema = s.object({
  added: s.whole,
  changed: s.whole,
  unchanged: s.whole,
  removed: s.whole,
  raisedSoon: s.whole,
  ignored: s.listOf(s.name),
});

const importQuery = {
  dryRun: optional(flagText('Only tell what would change')),
  from: optional(
    time('Count for calls that start from then on; left out, those of now are put right'),
  ),
  backdate: optional(flagText('Let that be past, so that a rerating changes stored calls')),
};

const putPrices = route('PUT /price-lists/{name}/prices', 'replacePrices', {
  summary: 'Replace all prices of a list, or none where a line is wrong',
  description: 'Needs `If-Match` with the ETag of the list, or `If-None-Match: *` to make it.',
  scope: 'prices:write',
  params: L,
  query: importQuery,
  file: FILE_TYPES,
  tagged: true,
  answers: { 200: countsSchema },
  handle: async (call) => {
    const { 'if-match': match, 'if-none-match': none } = call.headers;
    if (match === undefined && none !== '*') {
      throw new Problem(428, 'precondition_required', 'Send If-Match, or If-None-Match: *');
    }
    return importFile(call, true);
  },
});

const patchPrices = route('PATCH /price-lists/{name}/prices', 'changePrices', {
  summary: 'Add and change prices of a list, all or none; others stay',
  scope: 'prices:write',
  params: L,
  query: importQuery,
  file: FILE_TYPES,
  tagged: true,
  answers: { 200: countsSchema },
  handle: (call) => importFile(call, false),
});

type ImportCall = Pick<
  Call<typeof L, typeof importQuery, Fields>,
  'service' | 'actor' | 'now' | 'params' | 'query' | 'file' | 'headers'
>;

async function importFile(call: ImportCall, replace: boolean) {
  const { db } = call.service;
  const text = call.file.bytes.toString('utf8');
  const { prices, faults, ignored } = await (call.file.type === 'text/csv'
    ? readPriceFile(text)
    : readPriceLines(text));
  if (faults.length > 0) {
    throw invalidValues(
      faults.map(({ line, fault }) => ({
        pointer: `/${line}`,
        code: 'invalid_line',
        detail: `line ${line}: ${priceFaultText(fault)}`,
      })),
    );
  }
  const counts = await importPrices(db, call.actor, call.params.name, prices, {
    now: call.now,
    replace,
    dryRun: call.query.dryRun ?? false,
    from: call.query.from,
    backdate: call.query.backdate ?? false,
    precondition: async (tx) => {
      const found = await findPriceList(tx, call.params.name);
      const isThere = found !== undefined && found.prices + found.scheduled > 0;
      if (call.headers['if-none-match'] === '*' && isThere) {
        throw new Problem(412, 'precondition_failed', 'The list is there already', {
          headers: { etag: etagOfList(found) },
        });
      }
      if (call.headers['if-match'] !== undefined) {
        requireMatch(call.headers, isThere ? etagOfList(found) : '"none"');
      }
    },
  }).catch((error) => Promise.reject(missingParameter(error) ?? error));
  const found = await findPriceList(db, call.params.name);
  return ok({ ...counts, ignored }, found ? { etag: etagOfList(found) } : {});
}

/** The problem of an import that needs a parameter. @returns undefined for other errors */
function missingParameter(error: unknown): Problem | undefined {
  const problem = error instanceof Refusal ? error.problem : undefined;
  if (problem?.key === 'pricePast') {
    const detail = `Must be true: ${problem.prefix} would count from ${problem.at}, which is past`;
    return invalidValue('/backdate', detail);
  }
  if (problem?.key !== 'priceEndUnknown') return undefined;
  return invalidValue('/from', 'Must say when prices end that the file, with its dates, lacks');
}

export const priceRoutes = [lists, getList, deleteList, getPrices, putPrices, patchPrices];
