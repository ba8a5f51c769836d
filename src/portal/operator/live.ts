import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readPage } from '../../domain/page.ts';
import { type HoldRecord, listHolds, sumHolds } from '../../domain/rating/hold.ts';
import { type RegistrationRecord, registrationsOf } from '../../domain/sip/registration.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { money, rounded } from '../components/money.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { queryNumber, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import { type View, zoneOf } from '../view.ts';
import { accountLink } from './accounts.ts';
import { pageLinks } from './page-links.ts';

const PAGE = 50;
const REGISTRATIONS = '/admin/registrations';
const HOLDS = '/admin/holds';

/** What the switches report at the moment: registered phones, and calls in progress. */
export function livePages(app: FastifyInstance, { db }: Service): void {
  app.get(REGISTRATIONS, async (request, reply) => {
    const { view } = request;
    const m = view.m.operator.registrations;
    const account = queryNumber(request, 'account');
    const { rows, next } = await readPage(
      PAGE,
      (limit) =>
        registrationsOf(db, { accounts: account === undefined ? undefined : [account] }, view.now, {
          after: place(request),
          limit,
        }),
      ({ account, contact }) => `${account} ${contact}`,
    );
    const list = rows.length > 0 ? phoneTable(view, rows) : emptyState(m.none, m.noneText);
    return sendPage(reply, view, {
      title: m.title,
      content: listed(request, REGISTRATIONS, account, { list, next }),
    });
  });

  app.get(HOLDS, async (request, reply) => {
    const { view } = request;
    const m = view.m.operator.holds;
    const account = queryNumber(request, 'account');
    const [{ rows, next }, sum] = await Promise.all([
      readPage(
        PAGE,
        (limit) => listHolds(db, { account }, view.now, { after: place(request), limit }),
        ({ billingAccount, callId }) => `${billingAccount} ${callId}`,
      ),
      sumHolds(db, view.now),
    ]);
    const list = html`<p class="quiet-text">${m.sum(sum.holds, rounded(view, sum.amount.toFixed(6)))}</p>
${rows.length > 0 ? holdTable(view, rows) : emptyState(m.none, m.noneText)}`;
    return sendPage(reply, view, {
      title: m.title,
      content: listed(request, HOLDS, account, { list, next }),
    });
  });
}

/** The account, and the contact or call, after which a page begins. */
function place(request: FastifyRequest): [number, string] | undefined {
  const [, account, rest = ''] = /^([0-9]{10}) (.*)$/s.exec(queryText(request, 'after')) ?? [];
  return account === undefined ? undefined : [Number(account), rest];
}

/** A list that is limited to an account, and its pages. */
function listed(
  request: FastifyRequest,
  path: string,
  account: number | undefined,
  { list, next }: { list: Html; next: string | null },
): Html {
  const { view } = request;
  const m = view.m.operator;
  const query = { account: String(account ?? '') };
  return html`<form method="get" action="${path}" class="inline-form" role="search">
${field({ name: 'account', label: m.audit.account, value: account, inputMode: 'numeric', autocomplete: 'off' })}
<button class="quiet">${m.audit.show}</button>
</form>
<section class="panel">
${list}
${pageLinks(view, { path, query, by: 'after', at: queryText(request, 'after') || undefined, next })}
</section>`;
}

function phoneTable(view: View, phones: RegistrationRecord[]): Html {
  const m = view.m.operator.registrations;
  const moment = (at: Date) => time(view, at, zoneOf(view), { seconds: true, zone: true });
  return table<RegistrationRecord>(view, {
    caption: m.title,
    rows: phones,
    columns: [
      { label: m.account, cell: ({ account }) => accountLink(account) },
      { label: m.contact, cell: ({ contact }) => freeText(contact) },
      { label: m.received, cell: ({ received }) => freeText(received ?? '–') },
      { label: m.phone, cell: ({ userAgent }) => freeText(userAgent) },
      { label: m.reported, cell: ({ reportedAt }) => moment(reportedAt) },
      { label: m.expires, cell: ({ expiresAt }) => moment(expiresAt) },
    ],
  });
}

function holdTable(view: View, holds: HoldRecord[]): Html {
  const m = view.m.operator.holds;
  const moment = (at: Date) => time(view, at, zoneOf(view), { seconds: true, zone: true });
  return table<HoldRecord>(view, {
    caption: m.title,
    rows: holds,
    columns: [
      { label: m.account, cell: ({ account }) => accountLink(account) },
      { label: m.billingAccount, cell: ({ billingAccount }) => accountLink(billingAccount) },
      { label: m.called, cell: ({ called }) => freeText(called) },
      { label: m.granted, cell: ({ grantedAt }) => moment(grantedAt) },
      { label: m.expires, cell: ({ expiresAt }) => moment(expiresAt) },
      { label: m.held, cell: ({ amount }) => money(view, amount), numeric: true },
    ],
  });
}
