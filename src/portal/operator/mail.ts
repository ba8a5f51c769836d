import type { FastifyInstance } from 'fastify';
import {
  countMails,
  dropMail,
  listMails,
  retryMail,
  type UndeliveredMail,
} from '../../domain/account/mail-queue.ts';
import { readPage } from '../../domain/page.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState } from '../components/blocks.ts';
import { confirmed } from '../components/confirmed.ts';
import { freeText } from '../components/free-text.ts';
import { table } from '../components/table.ts';
import { tabs } from '../components/tabs.ts';
import { time } from '../components/time.ts';
import { formFields, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import { showDone } from '../shown-once.ts';
import { form, may, type View, zoneOf } from '../view.ts';
import { administrator } from './actor.ts';
import { addressOf, pageLinks } from './page-links.ts';

const PATH = '/admin/mail';
const PAGE = 50;
const STATES = ['parked', 'waiting'] as const;

/** Mails that were given up or wait: sent again, or dropped. */
export function mailPages(app: FastifyInstance, service: Service): void {
  const { db, queue, clock } = service;

  app.get(PATH, async (request, reply) => {
    const { view } = request;
    const m = view.m.operator.mail;
    const state = STATES.find((known) => known === queryText(request, 'state')) ?? 'parked';
    const after = queryText(request, 'after');
    const isId = /^[0-9a-f-]{36}$/.test(after);
    const [counts, { rows, next }] = await Promise.all([
      countMails(queue),
      readPage(
        PAGE,
        (limit) => listMails(queue, state, { after: isId ? after : undefined, limit }),
        ({ id }) => id,
      ),
    ]);
    const content = html`<section class="panel">
${rows.length > 0 ? mailTable(view, rows, state) : emptyState(m.none[state], m.noneText)}
${pageLinks(view, { path: PATH, query: { state }, by: 'after', at: isId ? after : undefined, next })}
</section>`;
    const items = STATES.map((known) => ({
      href: addressOf(PATH, { state: known }),
      text: m.states[known],
      count: view.m.count(counts[known]),
    }));
    return sendPage(reply, view, {
      title: m.title,
      content,
      tabs: tabs(m.title, addressOf(PATH, { state }), items),
    });
  });

  for (const [what, change] of [
    ['retry', retryMail],
    ['drop', dropMail],
  ] as const) {
    app.post(`${PATH}/${what}`, async (request, reply) => {
      const { id = '' } = formFields(request);
      await change(db, administrator(request), { queue, now: clock() }, id);
      return showDone(service, reply, PATH, what === 'retry' ? 'mail-retried' : 'removed');
    });
  }
}

function mailTable(view: View, mails: UndeliveredMail[], state: (typeof STATES)[number]) {
  const m = view.m.operator.mail;
  const moment = (at: Date) => time(view, at, zoneOf(view), { zone: true });
  const actions = ({ id }: UndeliveredMail) => {
    const fields = html`<input type="hidden" name="id" value="${id}">`;
    return html`<div class="buttons">${form(view, `${PATH}/retry`, html`${fields}<button class="quiet small">${m.retry}</button>`)}
${confirmed(view, `${PATH}/drop`, m.drop, { fields, small: true })}</div>`;
  };
  return table<UndeliveredMail>(view, {
    caption: m.title,
    rows: mails,
    columns: [
      { label: m.to, cell: ({ to }) => freeText(to) },
      { label: m.kind, cell: ({ kind }) => m.kinds[kind] },
      { label: m.queued, cell: ({ queuedAt }) => moment(queuedAt) },
      { label: m.tries, cell: ({ tries }) => view.m.count(tries), numeric: true },
      ...(state === 'waiting'
        ? [{ label: m.next, cell: ({ nextTryAt }: UndeliveredMail) => moment(nextTryAt) }]
        : []),
      { label: m.failure, cell: ({ failure }) => freeText(failure ?? '–') },
      ...(state === 'parked' && may(view, 'credentials') ? [{ label: '', cell: actions }] : []),
    ],
  });
}
