import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  createOperatorKey,
  type IssuedKey,
  listOperatorKeys,
  type OperatorKey,
  revokeOperatorKey,
  rotateOperatorKey,
} from '../../domain/access/operator-key.ts';
import { SCOPE_SETS, SCOPES } from '../../domain/access/operator-scope.ts';
import { OVERLAP_HOURS } from '../../domain/access/secret-overlap.ts';
import * as entered from '../../domain/entered-values.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { emptyState, notice, panel } from '../components/blocks.ts';
import { confirmed } from '../components/confirmed.ts';
import { field, select } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { inCurrency } from '../components/money.ts';
import { copyable } from '../components/secret.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { optional, type Problems, readFields, statusOf } from '../entered.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone, showOnce, takeShownOnce } from '../shown-once.ts';
import { stepUp } from '../step-up.ts';
import { form, type View } from '../view.ts';
import { administrator } from './actor.ts';

const PATH = '/admin/operator-keys';
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 365;
const MOST_DAYS = 3_650;
const SETS = Object.keys(SCOPE_SETS) as (keyof typeof SCOPE_SETS)[];

interface ShownKey {
  name: string;
  id: string;
  secret: string;
}

/** Keys of the operators' API; making or renewing one requires the password again. */
export function operatorKeyPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, clock } = service;

  app.get(PATH, async (request, reply) => {
    const { fields = {} } = (await takeDraft(service, request)) ?? {};
    const added = await takeShownOnce<ShownKey>(service, request);
    return sendPage(reply, request.view, await keysPage(request, fields, {}, added));
  });

  app.post(PATH, KEEPS_DRAFT, async (request, reply) => {
    const { view } = request;
    const fields = formFields(request);
    const { values, problems } = readFields(view.m, fields, {
      name: entered.accountName,
      set: optional((text) => entered.oneOf(text, SETS)),
      scopes: optional(entered.scopes),
      networks: entered.networks,
      entryLimit: optional(entered.moneyOrMore),
      dayLimit: optional(entered.moneyOrMore),
      days: optional((text) => entered.wholeNumber(text, 1, MOST_DAYS)),
    });
    const { set = null, scopes = null } = values ?? {};
    const chosen = [...new Set([...(scopes ?? []), ...(set ? SCOPE_SETS[set] : [])])];
    const none = view.m.operator.operatorKeys.noScope;
    const wrong = problems ?? (chosen.length === 0 ? { scopes: none } : undefined);
    if (wrong || !values)
      return sendPage(reply, view, await keysPage(request, fields, wrong ?? {}));
    if (!(await stepUp(service, request, reply))) return reply;
    const { name, networks, entryLimit, dayLimit, days } = values;
    const expiresAt = days === null ? null : new Date(clock().getTime() + days * DAY_MS);
    const limits = { entryLimit, dayLimit, expiresAt };
    const settings = { name, scopes: chosen, networks, accounts: [], ...limits };
    const issued = await createOperatorKey(
      db,
      administrator(request),
      { keyring, now: clock() },
      settings,
    );
    return showOnce(service, reply, PATH, shownOnce(issued));
  });

  app.post(`${PATH}/rotate`, async (request, reply) => {
    if (!(await stepUp(service, request, reply))) return reply;
    const rotation = { id: formFields(request).id ?? '', overlapHours: OVERLAP_HOURS.usual };
    const actor = administrator(request);
    const issued = await rotateOperatorKey(db, actor, { keyring, now: clock() }, rotation);
    return showOnce(service, reply, PATH, shownOnce(issued));
  });

  app.post(`${PATH}/revoke`, async (request, reply) => {
    const { id = '' } = formFields(request);
    await revokeOperatorKey(db, administrator(request), { id }, clock());
    return showDone(service, reply, PATH, 'removed');
  });

  async function keysPage(
    request: FastifyRequest,
    values: Fields,
    problems: Problems,
    added?: ShownKey,
  ): Promise<Page> {
    const { view } = request;
    const m = view.m.operator.operatorKeys;
    const { timeZone } = sessionOf(request);
    const keys = (await listOperatorKeys(db)).filter(({ revokedAt }) => revokedAt === null);
    const content = html`${added && addedPanel(view, added)}
<section class="panel"><p>${m.explain} <a href="/docs/operator/">${m.reference}</a></p>
${keys.length > 0 ? keyTable(view, keys, timeZone) : emptyState(m.none, m.noneText)}
</section>
${panel(m.add, form(view, PATH, keyFields(view, values, problems)))}`;
    return { title: m.title, content, status: statusOf(problems) };
  }
}

const shownOnce = ({ key, secret }: IssuedKey): ShownKey => ({
  name: key.name,
  id: key.id,
  secret,
});

function addedPanel(view: View, { name, id, secret }: ShownKey): Html {
  const m = view.m.operator.operatorKeys;
  return html`${notice('good', m.added(name))}
${panel(
  name,
  html`${copyable(view, 'key-id', m.id, id)}
${copyable(view, 'secret', m.secret, secret)}`,
)}`;
}

function keyTable(view: View, keys: OperatorKey[], zone: string): Html {
  const m = view.m.operator.operatorKeys;
  const moment = (at: Date | null, missing: string) => (at ? time(view, at, zone) : missing);
  const action = (path: string, label: string, id: string) =>
    confirmed(view, `${PATH}/${path}`, label, {
      fields: html`<input type="hidden" name="id" value="${id}">`,
      small: true,
    });
  return table<OperatorKey>(view, {
    caption: m.title,
    rows: keys,
    columns: [
      { label: m.name, cell: ({ name, tail }) => html`${freeText(name)}<br><code>…${tail}</code>` },
      { label: m.scopes, cell: ({ scopes }) => scopes.join(', ') },
      { label: m.networks, cell: ({ networks }) => networks.join(', ') || m.anywhere },
      { label: m.expires, cell: ({ expiresAt }) => moment(expiresAt, m.never) },
      {
        label: m.used,
        cell: ({ lastUsedAt, lastAddress }) =>
          html`${moment(lastUsedAt, m.notUsed)}${lastAddress && html`<br>${lastAddress}`}`,
      },
      {
        label: '',
        cell: ({ id }) => html`${action('rotate', m.rotate, id)}${action('revoke', m.revoke, id)}`,
      },
    ],
  });
}

function keyFields(view: View, values: Fields, problems: Problems): Html {
  const m = view.m.operator.operatorKeys;
  const sets = SETS.map((value) => ({ value, label: m.sets[value] }));
  const choices = [{ value: '', label: m.noSet }, ...sets];
  const off = { autocomplete: 'off' };
  return html`<div class="form-grid">
${field({ name: 'name', label: m.name, value: values.name, problem: problems.name, hint: m.nameHint, required: true, ...off })}
${select({ name: 'set', label: m.set, value: values.set ?? '', problem: problems.set, choices })}
${field({ name: 'scopes', label: m.scopesLabel, value: values.scopes, problem: problems.scopes, hint: m.scopesHint, ...off })}
${field({ name: 'networks', label: m.networksLabel, value: values.networks, problem: problems.networks, hint: m.networksHint, ...off })}
${field({ name: 'entryLimit', label: inCurrency(view, m.entryLimit), value: values.entryLimit, problem: problems.entryLimit, hint: m.limitHint, inputMode: 'decimal', ...off })}
${field({ name: 'dayLimit', label: inCurrency(view, m.dayLimit), value: values.dayLimit, problem: problems.dayLimit, hint: m.limitHint, inputMode: 'decimal', ...off })}
${field({ name: 'days', label: m.days, value: values.days ?? DEFAULT_DAYS, problem: problems.days, hint: m.daysHint, inputMode: 'numeric', ...off })}
</div>
<details><summary>${m.allScopes}</summary><p><code>${SCOPES.join(' ')}</code></p></details>
<button>${m.submit}</button>`;
}
