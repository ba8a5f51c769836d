import type { FastifyInstance, FastifyRequest } from 'fastify';
import * as entered from '../../domain/entered-values.ts';
import { readPage } from '../../domain/page.ts';
import {
  findPrice,
  findPriceList,
  type ListedPrice,
  listPriceLists,
  listPrices,
  type PriceListSummary,
  removePriceList,
} from '../../domain/rating/price-list.ts';
import { Refusal } from '../../domain/refusal.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState, facts, notice, panel } from '../components/blocks.ts';
import { confirmed } from '../components/confirmed.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { exact, rate } from '../components/money.ts';
import { table } from '../components/table.ts';
import { day } from '../components/time.ts';
import { queryText } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone, takeShownOnce } from '../shown-once.ts';
import { may, type View, zoneOf } from '../view.ts';
import { administrator } from './actor.ts';
import { pageLinks } from './page-links.ts';
import { type Imported, importedNotice, importForm } from './price-import.ts';

const PATH = '/admin/prices';
const PAGE = 100;

/** The price lists: their prices, what a number costs, and removing a list. */
export function pricePages(app: FastifyInstance, service: Service): void {
  const { db, clock } = service;

  app.get(PATH, async (request, reply) => {
    const { view } = request;
    const m = view.m.operator.prices;
    const lists = await listPriceLists(db);
    const content = html`<section class="panel">
${lists.length > 0 ? listTable(view, lists) : emptyState(m.none, m.noneText)}
</section>
${may(view, 'money') && panel(m.newList, importForm(view, { values: {}, problems: {} }))}`;
    return sendPage(reply, view, { title: m.title, content });
  });

  app.get(`${PATH}/:name`, async (request, reply) => {
    const page = await listPage(request);
    return sendPage(reply, request.view, page);
  });

  app.post(`${PATH}/:name/remove`, async (request, reply) => {
    const { name } = await listOf(request);
    try {
      await removePriceList(db, administrator(request), name, clock());
    } catch (error) {
      if (!(error instanceof Refusal) || error.reason !== 'price list in use') throw error;
      const page = await listPage(request, request.view.m.operator.prices.inUse);
      return sendPage(reply, request.view, { ...page, status: 409 });
    }
    return showDone(service, reply, PATH, 'removed');
  });

  async function listOf(request: FastifyRequest) {
    const { name } = request.params as { name: string };
    const list = await findPriceList(db, name);
    if (!list) throw new Refusal('not found', 'Not found');
    return list;
  }

  async function listPage(request: FastifyRequest, problem?: string): Promise<Page> {
    const { view } = request;
    const m = view.m.operator.prices;
    const list = await listOf(request);
    const path = `${PATH}/${list.name}`;
    const prefix = /^[0-9]{1,15}$/.exec(queryText(request, 'prefix').trim())?.[0] ?? '';
    const after = /^[0-9]{1,15}$/.exec(queryText(request, 'after'))?.[0] ?? '';
    const { rows, next } = await readPage(
      PAGE,
      (limit) => listPrices(db, list.name, { prefix, after, limit, at: view.now }),
      (price) => price.prefix,
    );
    const imported = await takeShownOnce<Imported>(service, request);
    const content = html`${problem && notice('bad', problem)}
${imported && importedNotice(view, imported)}
<div class="columns">
${panel(m.about, listFacts(view, list))}
${panel(m.try, await tryNumber(request, list.name))}
</div>
${panel(
  m.prices,
  html`<form method="get" action="${path}" class="inline-form" role="search">
${field({ name: 'prefix', label: m.prefixFilter, value: prefix, inputMode: 'numeric', autocomplete: 'off' })}
<button class="quiet">${view.m.operator.audit.show}</button>
</form>
${rows.length > 0 ? priceTable(view, rows) : emptyState(m.noPrice, m.noPriceText)}
${pageLinks(view, { path, query: { prefix }, by: 'after', at: after || undefined, next })}`,
)}
${may(view, 'money') && panel(m.importInto, importForm(view, { values: { list: list.name }, problems: {} }))}
${may(view, 'money') && panel(m.removal, html`<p>${m.removalText}</p>${confirmed(view, `${path}/remove`, m.remove)}`)}`;
    return { title: m.list(list.name), content, status: problem ? 409 : 200 };
  }

  /** What a call to a typed number costs by a list. */
  async function tryNumber(request: FastifyRequest, list: string): Promise<Html> {
    const { view } = request;
    const m = view.m.operator.prices;
    const typed = queryText(request, 'number').trim().slice(0, 50);
    let [found, problem]: [Html | undefined, string | undefined] = [undefined, undefined];
    if (typed !== '') {
      try {
        const number = entered.calledNumber(typed);
        const price = await findPrice(db, list, { number, at: view.now });
        found = price ? priceFacts(view, price) : notice('warn', m.noPriceFor(typed));
      } catch (error) {
        if (!(error instanceof entered.InvalidValue)) throw error;
        problem = view.m.problems.calledNumber({ key: 'calledNumber' });
      }
    }
    return html`<form method="get" action="${PATH}/${list}" class="inline-form">
${field({ name: 'number', label: m.number, value: typed, problem, hint: m.numberHint, autocomplete: 'off', required: true })}
<button class="quiet">${m.tryIt}</button>
</form>
${found}`;
  }
}

function listTable(view: View, lists: PriceListSummary[]): Html {
  const m = view.m.operator.prices;
  return table<PriceListSummary>(view, {
    caption: m.title,
    rows: lists,
    columns: [
      { label: m.name, cell: ({ name }) => html`<a href="${PATH}/${name}">${name}</a>` },
      { label: m.prices, cell: ({ prices }) => view.m.count(prices), numeric: true },
      { label: m.scheduled, cell: ({ scheduled }) => view.m.count(scheduled), numeric: true },
      { label: m.accounts, cell: ({ accounts }) => view.m.count(accounts), numeric: true },
      { label: m.changed, cell: ({ changedAt }) => day(view, changedAt, zoneOf(view)) },
    ],
  });
}

function listFacts(view: View, list: PriceListSummary): Html {
  const m = view.m.operator.prices;
  return facts([
    { label: m.prices, value: view.m.count(list.prices) },
    { label: m.scheduled, value: view.m.count(list.scheduled) },
    { label: m.accounts, value: view.m.count(list.accounts) },
    { label: m.changed, value: day(view, list.changedAt, zoneOf(view)) },
  ]);
}

const increment = ({ minimumSeconds, incrementSeconds }: ListedPrice) =>
  minimumSeconds === null && incrementSeconds === null
    ? '–'
    : `${minimumSeconds ?? '–'}/${incrementSeconds ?? '–'}`;

function priceFacts(view: View, price: ListedPrice): Html {
  const m = view.m.operator.prices;
  return facts([
    { label: m.prefix, value: price.prefix },
    { label: m.destination, value: freeText(price.name) },
    { label: m.rate, value: rate(view, price.rate) },
    { label: m.increment, value: increment(price) },
    { label: m.connectFee, value: exact(view, price.connectFee) },
    { label: m.minimumCharge, value: exact(view, price.minimumCharge) },
  ]);
}

function priceTable(view: View, prices: ListedPrice[]): Html {
  const m = view.m.operator.prices;
  const from = (at: Date | null) => (at ? day(view, at, zoneOf(view)) : '–');
  return table<ListedPrice>(view, {
    caption: m.prices,
    rows: prices,
    columns: [
      { label: m.prefix, cell: ({ prefix }) => prefix },
      { label: m.destination, cell: ({ name }) => freeText(name) },
      { label: m.increment, cell: increment },
      { label: m.connectFee, cell: (price) => rate(view, price.connectFee), numeric: true },
      { label: m.minimumCharge, cell: (price) => rate(view, price.minimumCharge), numeric: true },
      { label: m.validFrom, cell: ({ validFrom }) => from(validFrom) },
      { label: m.validUntil, cell: ({ validUntil }) => from(validUntil) },
      { label: m.rate, cell: (price) => rate(view, price.rate), numeric: true },
    ],
  });
}
