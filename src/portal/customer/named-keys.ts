import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  createNamedKey,
  listNamedKeys,
  type NamedKey,
  revokeNamedKey,
} from '../../domain/access/named-key.ts';
import { customerAt } from '../../domain/audit.ts';
import * as entered from '../../domain/entered-values.ts';
import { Refusal } from '../../domain/refusal.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { badge, emptyState, notice, panel } from '../components/blocks.ts';
import { confirmed } from '../components/confirmed.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { copyable } from '../components/secret.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { optional, type Problems, problemOf, readFields, statusOf } from '../entered.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone, showOnce, takeShownOnce } from '../shown-once.ts';
import { stepUp } from '../step-up.ts';
import { form, type View, zoneOf } from '../view.ts';

export const NAMED_KEYS = '/api/keys';
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 365;
const MOST_DAYS = 3_650;

interface Shown {
  name: string;
  secret: string;
}

/** Keys for reading by the API; making one requires the password again. */
export function namedKeyPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, clock } = service;
  const actorOf = (request: FastifyRequest) =>
    customerAt(sessionOf(request).username, `portal ${request.clientAddress}`);

  app.get(NAMED_KEYS, async (request, reply) => {
    const typed = (await takeDraft(service, request))?.fields ?? {};
    const shown = await takeShownOnce<Shown>(service, request);
    return sendPage(reply, request.view, await keysPage(request, typed, {}, shown));
  });

  app.post(NAMED_KEYS, KEEPS_DRAFT, async (request, reply) => {
    const { view } = request;
    const { username } = sessionOf(request);
    const fields = formFields(request);
    const again = async (problems: Problems) =>
      sendPage(reply, view, await keysPage(request, fields, problems));
    const { values, problems } = readFields(view.m, fields, {
      name: entered.accountName,
      networks: entered.networks,
      days: optional((text) => entered.wholeNumber(text, 1, MOST_DAYS)),
    });
    if (problems) return again(problems);
    if (!(await stepUp(service, request, reply))) return reply;
    const { name, networks, days } = values;
    const now = clock();
    const expiresAt = days === null ? null : new Date(now.getTime() + days * DAY_MS);
    try {
      const settings = { name, networks, expiresAt };
      const secret = await createNamedKey(
        db,
        actorOf(request),
        { keyring, now },
        username,
        settings,
      );
      return await showOnce(service, reply, NAMED_KEYS, { name, secret } satisfies Shown);
    } catch (error) {
      if (!(error instanceof Refusal && error.problem)) throw error;
      return again({ name: problemOf(view.m, error).text });
    }
  });

  app.post(`${NAMED_KEYS}/revoke`, async (request, reply) => {
    const { id = '' } = formFields(request);
    const { username } = sessionOf(request);
    await revokeNamedKey(db, actorOf(request), { username, id }, clock());
    return showDone(service, reply, NAMED_KEYS, 'removed');
  });

  async function keysPage(
    request: FastifyRequest,
    values: Fields,
    problems: Problems,
    made?: Shown,
  ): Promise<Page> {
    const { view } = request;
    const m = view.m.namedKeys;
    const keys = await listNamedKeys(db, sessionOf(request).username);
    const content = html`${
      made &&
      html`${notice('good', m.added(made.name))}
${panel(made.name, copyable(view, 'key', m.secret, made.secret))}`
    }
<section class="panel"><p>${m.explain} ${m.passwordEndsThem}</p>
${keys.length > 0 ? keyTable(view, keys) : emptyState(m.none, m.noneText)}
</section>
${panel(m.add, form(view, NAMED_KEYS, keyFields(view, values, problems), 'narrow'))}`;
    const aside = html`<a class="button quiet" href="/api">${m.back}</a>`;
    return { title: m.title, content, aside, status: statusOf(problems) };
  }
}

function keyTable(view: View, keys: NamedKey[]): Html {
  const m = view.m.namedKeys;
  const zone = zoneOf(view);
  const expiry = ({ expiresAt }: NamedKey) => {
    if (expiresAt === null) return m.never;
    return expiresAt <= view.now ? badge('warn', m.expired) : time(view, expiresAt, zone);
  };
  return table<NamedKey>(view, {
    caption: m.title,
    rows: keys,
    columns: [
      { label: m.name, cell: ({ name, tail }) => html`${freeText(name)}<br><code>…${tail}</code>` },
      { label: m.networks, cell: ({ networks }) => networks.join(', ') || m.anywhere },
      { label: m.expires, cell: expiry },
      {
        label: m.used,
        cell: ({ lastUsedAt, lastAddress }) =>
          lastUsedAt ? html`${time(view, lastUsedAt, zone)}<br>${lastAddress}` : m.notUsed,
      },
      {
        label: m.revoke,
        cell: ({ id }) =>
          confirmed(view, `${NAMED_KEYS}/revoke`, m.revoke, {
            fields: html`<input type="hidden" name="id" value="${id}">`,
            small: true,
          }),
      },
    ],
  });
}

function keyFields(view: View, values: Fields, problems: Problems): Html {
  const m = view.m.namedKeys;
  const off = { autocomplete: 'off' };
  return html`${field({ name: 'name', label: m.name, value: values.name, problem: problems.name, hint: m.nameHint, required: true, maxLength: 100, ...off })}
${field({ name: 'networks', label: m.networksLabel, value: values.networks, problem: problems.networks, hint: m.networksHint, ...off })}
${field({ name: 'days', label: m.days, value: values.days ?? DEFAULT_DAYS, problem: problems.days, hint: m.daysHint, inputMode: 'numeric', ...off })}
<button>${m.submit}</button>`;
}
