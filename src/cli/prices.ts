import { Argument, type Command } from 'commander';
import { explainDialled } from '../domain/calls/call-explanation.ts';
import { readPage } from '../domain/page.ts';
import type { Price } from '../domain/rating/price-csv.ts';
import { diffPrices, type PriceAt } from '../domain/rating/price-diff.ts';
import {
  type ListedPrice,
  listPriceLists,
  listPrices,
  type PriceListSummary,
  removePriceList,
  requireList,
} from '../domain/rating/price-list.ts';
import { command, notOffered, operator, perform, performAnywhere } from './operation.ts';
import { importList, listArgument } from './prices-import.ts';
import { moment, money, moreAt, printable, table } from './print.ts';
import * as values from './values.ts';

/** `prices`: price lists, and what an account pays for a number. */
export function pricesCommands(group: Command): void {
  importList(group);
  list(group);
  show(group);
  rate(group);
  diff(group);
  remove(group);
}

function list(group: Command): void {
  const on = command(group, 'list', 'the price lists and who has them', 'prices list');
  performAnywhere(
    on,
    ({ db }) => listPriceLists(db),
    (remote) => remote.list<PriceListSummary>('/price-lists'),
  )((lists) => ({
    json: { lists },
    text: table(
      ['NAME', '>PRICES', '>LATER', '>ACCOUNTS', 'CHANGED'],
      lists.map(({ name, prices, scheduled, accounts, changedAt }) => [
        name,
        prices,
        scheduled,
        accounts,
        moment(changedAt),
      ]),
      'No price list.',
    ),
  }));
}

function show(group: Command): void {
  const on = command(
    group,
    'show',
    'the prices of a list by prefix',
    'prices show wholesale --prefix 44 --limit 20',
  )
    .addArgument(listArgument())
    .option('--prefix <digits>', 'only those that begin with it', values.prefix)
    .addOption(values.limitOption(50))
    .option('--after <digits>', 'start after this prefix', values.prefix)
    .option('--at <moment>', 'those that count then; left out, now', values.from);
  const pageOf = (limit: number, read: (limit: number) => Promise<ListedPrice[]>) =>
    readPage(limit, read, ({ prefix }) => prefix);
  performAnywhere(
    on,
    (
      { db, clock },
      name: string,
      options: { prefix?: string; after?: string; limit: number; at?: Date },
    ) => {
      const { at = clock() } = options;
      return pageOf(options.limit, (limit) => listPrices(db, name, { ...options, at, limit }));
    },
    (remote, name, { prefix = '', after, limit: most, at }) => {
      if (after !== undefined) throw notOffered('--after');
      const filter = new URLSearchParams({
        ...(prefix ? { prefix } : {}),
        ...(at ? { at: at.toISOString() } : {}),
      });
      const path = `/price-lists/${encodeURIComponent(name)}/prices?${filter}`;
      return pageOf(most, (limit) => remote.list<ListedPrice>(path, limit));
    },
  )(({ rows: prices, next }) => ({
    json: { prices, next },
    text: priceTable(prices) + moreAt('--after', next),
  }));
}

/** Fees and dates get a column only if one of the prices has them. */
function priceTable(prices: ListedPrice[]): string {
  const optional: [string, (price: ListedPrice) => string | undefined][] = [
    ['>FEE', ({ connectFee }) => (Number(connectFee) > 0 ? money(connectFee) : undefined)],
    [
      '>LEAST',
      ({ minimumCharge }) => (Number(minimumCharge) > 0 ? money(minimumCharge) : undefined),
    ],
    ['FROM', ({ validFrom }) => (validFrom ? moment(validFrom) : undefined)],
    ['UNTIL', ({ validUntil }) => (validUntil ? moment(validUntil) : undefined)],
  ];
  const shown = optional.filter(([, cell]) => prices.some((price) => cell(price) !== undefined));
  return table(
    ['PREFIX', '>RATE', 'SECONDS', ...shown.map(([title]) => title), 'NAME'],
    prices.map((price) => [
      price.prefix,
      money(price.rate),
      increments(price),
      ...shown.map(([, cell]) => cell(price) ?? '-'),
      price.name,
    ]),
    'No price.',
  );
}

function increments({
  minimumSeconds,
  incrementSeconds,
}: Pick<Price, 'minimumSeconds' | 'incrementSeconds'>): string {
  return minimumSeconds === null ? "account's" : `${minimumSeconds}/${incrementSeconds}`;
}

function rate(group: Command): void {
  const on = command(
    group,
    'rate',
    'what an account pays for calls to a number, and by which price; `calls explain` tells each step',
    'prices rate 2345678901 +442055501234 --at 2030-12-01',
  )
    .addArgument(values.usernameArgument())
    .addArgument(new Argument('<number>', 'as it is dialled'))
    .option('--at <moment>', 'when the call starts; left out, now', values.from);
  perform(
    on,
    async ({ db, config, clock }, username: number, number: string, { at }: { at?: Date }) => {
      const explained = await explainDialled(db, {
        typed: number,
        account: username,
        feed: undefined,
        startsAt: at ?? clock(),
        seconds: 60,
        emergencyNumbers: config.emergencyNumbers,
      });
      const { list, price, emergency, blocked, connectFee, minimumCharge } = explained;
      const { rate: perMinute, minimumSeconds, incrementSeconds } = explained;
      const own = emergency ? 'an emergency number, always allowed' : 'its own rate';
      const name = price?.name ? ` (${printable(price.name)})` : '';
      const why = price ? `by ${price.prefix} of the list ${list}${name}` : own;
      const fees = [
        ...(Number(connectFee) > 0 ? [`${money(connectFee)} for each call`] : []),
        ...(Number(minimumCharge) > 0 ? [`at least ${money(minimumCharge)}`] : []),
      ];
      const terms = [
        `${money(perMinute)} a minute`,
        `${minimumSeconds}/${incrementSeconds} seconds`,
      ];
      const isBlocked = blocked.length > 0 && !emergency;
      return {
        json: {
          username,
          number: explained.number,
          list: price ? list : null,
          prefix: price?.prefix ?? null,
          name: price?.name ?? null,
          ...{ rate: perMinute, minimumSeconds, incrementSeconds, connectFee, minimumCharge },
          ...{ blocked: isBlocked, emergency },
        },
        text: `${[...terms, ...fees].join(', ')}: ${why}${isBlocked ? '\nCalls to it are blocked.' : ''}`,
      };
    },
  );
}

function diff(group: Command): void {
  const on = command(
    group,
    'diff',
    'what of a list is other at one moment than at another',
    'prices diff wholesale --at 2030-11-01 --at 2030-12-01',
  )
    .addArgument(listArgument())
    .requiredOption('--at <moment>', 'given twice: before and after', values.several(values.from))
    .addOption(values.limitOption(50))
    .option('--after <digits>', 'start after this prefix', values.prefix, '')
    .hook('preAction', (on) => {
      if (on.opts<{ at: Date[] }>().at.length !== 2) on.error('give --at twice: before and after');
    });
  perform(
    on,
    async ({ db }, name: string, options: { at: Date[]; limit: number; after: string }) => {
      const { at, after } = options;
      await requireList(db, name);
      const moments = [at[0], at[1]] as [Date, Date];
      const { rows: differences, next } = await readPage(
        options.limit,
        (limit) => diffPrices(db, name, moments, { after, limit }),
        ({ prefix }) => prefix,
      );
      const text = table(
        ['PREFIX', 'BEFORE', 'AFTER', 'NAME'],
        differences.map((row) => [row.prefix, atText(row.before), atText(row.after), row.name]),
        'Nothing is other.',
      );
      return { json: { differences, next }, text: text + moreAt('--after', next) };
    },
  );
}

function atText(terms: PriceAt | null): string {
  if (!terms) return '-';
  const fees = [
    ...(Number(terms.connectFee) > 0 ? [`fee ${money(terms.connectFee)}`] : []),
    ...(Number(terms.minimumCharge) > 0 ? [`least ${money(terms.minimumCharge)}`] : []),
  ];
  return [money(terms.rate), increments(terms), ...fees].join(', ');
}

function remove(group: Command): void {
  const on = command(
    group,
    'remove',
    'remove a price list that no account has',
    'prices remove wholesale',
  ).addArgument(listArgument());
  perform(on, async ({ db, clock }, name: string) => {
    await removePriceList(db, operator(), name, clock());
    return { json: { list: name }, text: `Removed ${name}.` };
  });
}
