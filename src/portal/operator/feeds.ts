import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  addFeed,
  FEED_FORMATS,
  type ListedFeed,
  listFeeds,
  removeFeed,
} from '../../domain/calls/feed.ts';
import * as entered from '../../domain/entered-values.ts';
import { DEFAULT_COUNTRY } from '../../domain/numbering-plan.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { addressAsked } from '../../service-address.ts';
import { emptyState, notice, panel } from '../components/blocks.ts';
import { confirmed } from '../components/confirmed.ts';
import { field, select } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { copyable } from '../components/secret.ts';
import { table } from '../components/table.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { type Problems, problemOf, readFields, statusOf } from '../entered.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone, showOnce, takeShownOnce } from '../shown-once.ts';
import { form, may, type View } from '../view.ts';
import { administrator } from './actor.ts';
import { lastSeen } from './dashboard.ts';

interface NewFeed {
  name: string;
  format: string;
  secret: string;
}

const DEBITS = ['service', 'switch'] as const;

/** Switches and their credentials. */
export function feedPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, clock } = service;

  app.get('/admin/feeds', async (request, reply) => {
    const { fields = {} } = (await takeDraft(service, request)) ?? {};
    const added = await takeShownOnce<NewFeed>(service, request);
    return sendPage(reply, request.view, await feedsPage(request, fields, {}, added));
  });

  app.post('/admin/feeds', KEEPS_DRAFT, async (request, reply) => {
    const { view } = request;
    const fields = formFields(request);
    const again = async (problems: Problems) =>
      sendPage(reply, view, await feedsPage(request, fields, problems));
    const { values, problems } = readFields(view.m, fields, {
      name: entered.feedName,
      format: (text) => entered.oneOf(text, FEED_FORMATS),
      debits: (text) => entered.oneOf(text, DEBITS),
      networks: entered.networks,
      timeZone: entered.timeZone,
      country: (text) => entered.country(text || DEFAULT_COUNTRY),
    });
    if (problems) return again(problems);
    try {
      const secret = await addFeed(db, administrator(request), { keyring, now: clock() }, values);
      const { name, format } = values;
      const added: NewFeed = { name, format, secret };
      return showOnce(service, reply, '/admin/feeds', added);
    } catch (error) {
      if (error instanceof entered.InvalidValue) {
        return again({ country: problemOf(view.m, error).text });
      }
      return again({ name: problemOf(view.m, error).text });
    }
  });

  app.post('/admin/feeds/remove', async (request, reply) => {
    const { name = '' } = formFields(request);
    await removeFeed(db, administrator(request), name, clock());
    return showDone(service, reply, '/admin/feeds', 'removed');
  });

  async function feedsPage(
    request: FastifyRequest,
    values: Fields,
    problems: Problems,
    added?: NewFeed,
  ): Promise<Page> {
    const { view } = request;
    const m = view.m.operator.feeds;
    const feeds = await listFeeds(db);
    const content = html`${added && addedPanel(request, added)}
<section class="panel">
${feeds.length > 0 ? feedTable(view, feeds) : emptyState(m.none, m.noneText)}
</section>
${may(view, 'operation') && panel(m.add, form(view, '/admin/feeds', feedFields(view, values, problems)))}`;
    return { title: m.title, content, status: statusOf(problems) };
  }

  /** The values for configuring a switch, shown once. */
  function addedPanel(request: FastifyRequest, { name, format, secret }: NewFeed): Html {
    const { view } = request;
    const m = view.m.operator.feeds;
    const url = addressAsked(service.config, request);
    return html`${notice('good', m.added(name))}
${panel(
  name,
  html`${copyable(view, 'user', m.user, name)}
${copyable(view, 'secret', m.secret, secret)}
${copyable(view, 'calls', m.calls, `${url}/ingest/v1/calls/${format}`)}
${copyable(view, 'registrations', m.registrations, `${url}/ingest/v1/registrations`)}`,
)}`;
  }
}

function feedTable(view: View, feeds: ListedFeed[]): Html {
  const m = view.m.operator.feeds;
  const removal = ({ name }: ListedFeed) =>
    confirmed(view, '/admin/feeds/remove', m.remove, {
      fields: html`<input type="hidden" name="name" value="${name}">`,
      small: true,
    });
  return table<ListedFeed>(view, {
    caption: m.title,
    rows: feeds,
    columns: [
      { label: m.name, cell: ({ name }) => freeText(name) },
      { label: m.format, cell: ({ format }) => format },
      { label: m.networks, cell: ({ networks }) => networks.join(', ') || m.anywhere },
      { label: m.debits, cell: ({ debits }) => m.debiting[debits] },
      { label: m.country, cell: ({ country }) => country ?? DEFAULT_COUNTRY },
      { label: m.seen, cell: (feed) => lastSeen(view, feed) },
      ...(may(view, 'operation') ? [{ label: '', cell: removal }] : []),
    ],
  });
}

function feedFields(view: View, values: Fields, problems: Problems): Html {
  const m = view.m.operator.feeds;
  const choices = FEED_FORMATS.map((value) => ({ value, label: value }));
  const debits = DEBITS.map((value) => ({ value, label: m.debiting[value] }));
  return html`<div class="form-grid">
${field({ name: 'name', label: m.name, value: values.name, problem: problems.name, hint: m.nameHint, autocomplete: 'off', required: true })}
${select({ name: 'format', label: m.format, value: values.format ?? 'freeswitch', problem: problems.format, choices })}
${field({ name: 'networks', label: m.networksLabel, value: values.networks, problem: problems.networks, hint: m.networksHint, autocomplete: 'off' })}
${select({ name: 'debits', label: m.debits, value: values.debits ?? 'service', problem: problems.debits, choices: debits })}
${field({ name: 'timeZone', label: m.zone, value: values.timeZone ?? 'UTC', problem: problems.timeZone, autocomplete: 'off' })}
${field({ name: 'country', label: m.country, value: values.country ?? DEFAULT_COUNTRY, problem: problems.country, hint: m.countryHint, autocomplete: 'off' })}
</div>
<button>${m.submit}</button>`;
}
