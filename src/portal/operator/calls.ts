import type { FastifyInstance, FastifyRequest } from 'fastify';
import { installationFile } from '../../domain/calls/call-file.ts';
import type { OutcomeChoice } from '../../domain/calls/call-outcome.ts';
import { type CallScan, scanCalls } from '../../domain/calls/call-scan.ts';
import type { CallRecord } from '../../domain/calls/call-search.ts';
import { listFeeds } from '../../domain/calls/feed.ts';
import { type DayRange, momentsOf } from '../../domain/day.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { panel } from '../components/blocks.ts';
import { field, select } from '../components/field.ts';
import { growingTable } from '../components/growing-table.ts';
import type { Column } from '../components/table.ts';
import { FORMATS, fileLinks, sendCallFile } from '../customer/call-download.ts';
import { dayRange, queryOutcome } from '../customer/call-range.ts';
import { callColumns, callPages, outcomeField } from '../customer/calls-table.ts';
import { queryNumber, queryText } from '../input.ts';
import { LATER, sendGrowingPage } from '../layout.ts';
import { type View, zoneOf } from '../view.ts';
import { accountLink } from './accounts.ts';
import { addressOf } from './page-links.ts';

const PATH = '/admin/calls';
const PAGE = 50;

interface Asked {
  range: DayRange;
  search: string;
  account: number | undefined;
  feed: string;
  outcome: OutcomeChoice | undefined;
}

/** The calls of the whole installation: searched, filtered, and as a file. */
export function installationCalls(app: FastifyInstance, { db, reader, clock }: Service): void {
  app.get(PATH, async (request, reply) => {
    const { view } = request;
    const m = view.m.calls;
    const asked = readAsked(request);
    const after = queryText(request, 'after');
    const [feeds, scan] = await Promise.all([listFeeds(db), scanOf(asked)]);
    const links = callPages(view, after === '', (place) =>
      addressOf(PATH, { ...queryOf(asked), ...place }),
    );
    const downloads = fileLinks(view, (file) => addressOf(`${PATH}/${file}`, queryOf(asked)));
    const content = html`${filterForm(
      view,
      asked,
      feeds.map(({ name }) => name),
    )}
${panel(m.listTitle, LATER, downloads)}`;
    const timeZone = zoneOf(view);
    const steps = scanCalls(reader, scan, { after, limit: PAGE });
    const growing = growingTable(view, { ...columnsOf(view), steps, timeZone, links });
    return sendGrowingPage(reply, view, { title: view.m.operator.calls.title, content }, growing);
  });

  for (const format of FORMATS) {
    app.get(`${PATH}/calls.${format}`, async (request, reply) => {
      const asked = readAsked(request);
      const lines = installationFile(reader, await scanOf(asked), format);
      const file = { name: 'all-calls', range: asked.range, format, lines };
      return sendCallFile(reply, sessionOf(request).username, file);
    });
  }

  async function scanOf({ range, search, account, feed, outcome }: Asked): Promise<CallScan> {
    return {
      ...(await momentsOf(db, range)),
      search,
      account,
      feed: feed || undefined,
      outcome,
    };
  }

  function readAsked(request: FastifyRequest): Asked {
    return {
      range: dayRange(request, zoneOf(request.view), clock()),
      search: queryText(request, 'search').trim().slice(0, 100),
      account: queryNumber(request, 'account'),
      feed: queryText(request, 'feed').slice(0, 100),
      outcome: queryOutcome(request),
    };
  }
}

/** The members of the query that ask for the same calls again. */
function queryOf({ range, search, account, feed, outcome }: Asked): Record<string, string> {
  const { from, to } = range;
  return { from, to, search, account: String(account ?? ''), feed, outcome: outcome ?? '' };
}

function filterForm(view: View, asked: Asked, feeds: string[]) {
  const m = view.m.calls;
  const own = view.m.operator.calls;
  const { range } = asked;
  return html`<form method="get" action="${PATH}" class="panel inline-form" role="search">
${field({ name: 'search', label: m.search, type: 'search', value: asked.search, placeholder: m.searchHint })}
${field({ name: 'account', label: m.account, value: asked.account, inputMode: 'numeric', autocomplete: 'off' })}
${field({ name: 'from', label: m.fromDay, type: 'date', value: range.from })}
${field({ name: 'to', label: m.toDay, type: 'date', value: range.to })}
${select({
  name: 'feed',
  label: own.feed,
  value: asked.feed,
  choices: [{ value: '', label: own.anyFeed }, ...feeds.map((value) => ({ value, label: value }))],
})}
${outcomeField(view, asked.outcome)}
<button>${m.show}</button>
<p class="hint whole">${m.zone(range.timeZone)}</p>
</form>`;
}

/** The customer's columns, with links to the accounts and with the feed. */
function columnsOf(view: View): { caption: string; columns: Column<CallRecord>[] } {
  const { caption, columns } = callColumns(view, {
    timeZone: zoneOf(view),
    withAccount: false,
    withDirection: false,
  });
  const [first, ...others] = columns;
  const account: Column<CallRecord> = {
    label: view.m.calls.account,
    cell: ({ account }) => accountLink(account),
  };
  const feed: Column<CallRecord> = { label: view.m.operator.calls.feed, cell: ({ feed }) => feed };
  const own: Column<CallRecord>[] = [account, ...others.map(asRecord), feed];
  return { caption, columns: first ? [asRecord(first), ...own] : own };
}

/** A customer's column for a record, which calls its start otherwise. */
function asRecord(column: ReturnType<typeof callColumns>['columns'][number]): Column<CallRecord> {
  return {
    ...column,
    cell: (call) => column.cell({ ...call, startedAt: call.start, incoming: false }),
  };
}
