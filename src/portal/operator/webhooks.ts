import type { FastifyInstance, FastifyRequest } from 'fastify';
import * as entered from '../../domain/entered-values.ts';
import { EVENT_TYPE_NAMES } from '../../domain/event.ts';
import { Refusal } from '../../domain/refusal.ts';
import {
  createEndpoint,
  type EndpointSettings,
  listEndpoints,
  type WebhookEndpoint,
} from '../../domain/webhook/endpoint.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { requireAllowed } from '../../webhook/allowed-address.ts';
import { sessionOf } from '../access.ts';
import { badge, emptyState, notice, panel } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { copyable } from '../components/secret.ts';
import { table } from '../components/table.ts';
import { span, time } from '../components/time.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { type Problems, problemOf, readFields, statusOf } from '../entered.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showOnce, takeShownOnce } from '../shown-once.ts';
import { stepUp } from '../step-up.ts';
import { form, type View } from '../view.ts';
import { administrator } from './actor.ts';

export const WEBHOOKS = '/admin/webhooks';

const usernames = (text: string) =>
  text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((one) => entered.username(one));

/** The endpoints of webhooks; adding one requires the password again. */
export function webhookPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, config, clock } = service;

  app.get(WEBHOOKS, async (request, reply) => {
    const { fields = {} } = (await takeDraft(service, request)) ?? {};
    const added = await takeShownOnce<{ secret: string }>(service, request);
    return sendPage(reply, request.view, await listPage(request, fields, {}, added));
  });

  app.post(WEBHOOKS, KEEPS_DRAFT, async (request, reply) => {
    const { view } = request;
    const fields = formFields(request);
    const again = async (problems: Problems) =>
      sendPage(reply, view, await listPage(request, fields, problems));
    const { values, problems } = readFields(view.m, fields, {
      url: (text) => text,
      types: entered.subscriptions,
      accounts: usernames,
      description: (text) => (text === '' ? '' : entered.words(text)),
    });
    if (problems) return again(problems);
    const settings: EndpointSettings = { ...values, enabled: true };
    try {
      await requireAllowed(settings.url, config.webhookAllow);
      if (!(await stepUp(service, request, reply))) return reply;
      const actor = administrator(request);
      const { secret } = await createEndpoint(db, actor, { keyring, now: clock() }, settings);
      return await showOnce(service, reply, WEBHOOKS, { secret });
    } catch (error) {
      if (error instanceof Refusal && error.field === 'accounts') {
        return again({ accounts: view.m.webhooks.noAccounts });
      }
      return again({ url: problemOf(view.m, error).text });
    }
  });

  async function listPage(
    request: FastifyRequest,
    values: Fields,
    problems: Problems,
    added?: { secret: string },
  ): Promise<Page> {
    const { view } = request;
    const m = view.m.webhooks;
    const endpoints = await listEndpoints(db);
    const content = html`${added && secretPanel(view, added.secret)}
<section class="panel"><p>${m.explain} <a href="/docs/operator/">${m.guide}</a></p>
${endpoints.length > 0 ? endpointTable(view, endpoints, sessionOf(request).timeZone) : emptyState(m.none, m.noneText)}
</section>
${panel(m.add, form(view, WEBHOOKS, endpointFields(view, values, problems)))}`;
    return { title: m.title, content, status: statusOf(problems) };
  }
}

/** A new secret, shown once. */
export function secretPanel(view: View, secret: string): Html {
  const m = view.m.webhooks;
  return html`${notice('good', m.added)}
${panel(m.secret, copyable(view, 'secret', m.secret, secret))}`;
}

function endpointTable(view: View, endpoints: WebhookEndpoint[], zone: string): Html {
  const m = view.m.webhooks;
  return table<WebhookEndpoint>(view, {
    caption: m.title,
    rows: endpoints,
    columns: [
      {
        label: m.url,
        cell: ({ id, url, description }) =>
          html`<a href="${WEBHOOKS}/${id}">${freeText(url)}</a>${description && html`<br>${freeText(description)}`}`,
      },
      { label: m.state, cell: (endpoint) => stateBadge(view, endpoint) },
      { label: m.types, cell: ({ types }) => types.join(' ') },
      {
        label: m.success,
        cell: ({ lastSuccessAt }) => (lastSuccessAt ? time(view, lastSuccessAt, zone) : m.never),
      },
      { label: m.waiting, numeric: true, cell: ({ waiting }) => view.m.count(waiting) },
      { label: m.failed, numeric: true, cell: ({ failed }) => view.m.count(failed) },
    ],
  });
}

/** Disabled and why, failing and for how long, working, or not used yet. */
export function stateBadge(view: View, endpoint: WebhookEndpoint): Html {
  const m = view.m.webhooks;
  const { enabled, disabledReason, failingSince, lastSuccessAt } = endpoint;
  if (disabledReason) return badge('bad', m.disabledFor(disabledReason));
  if (!enabled) return badge('plain', m.disabled);
  if (failingSince) {
    const seconds = Math.max(0, (view.now.getTime() - failingSince.getTime()) / 1_000);
    return badge('bad', m.failing(span(seconds, view.m)));
  }
  return lastSuccessAt ? badge('good', m.good) : badge('plain', m.unused);
}

function endpointFields(view: View, values: Fields, problems: Problems): Html {
  const m = view.m.webhooks;
  const off = { autocomplete: 'off' };
  return html`<div class="form-grid">
${field({ name: 'url', label: m.url, value: values.url, problem: problems.url, hint: m.urlHint, required: true, maxLength: 2_000, ...off })}
${field({ name: 'types', label: m.types, value: values.types ?? '*', problem: problems.types, hint: m.typesHint, required: true, ...off })}
${field({ name: 'accounts', label: m.accounts, value: values.accounts, problem: problems.accounts, hint: m.accountsHint, ...off })}
${field({ name: 'description', label: m.description, value: values.description, problem: problems.description, maxLength: 200, ...off })}
</div>
<details><summary>${m.allTypes}</summary><p><code>${EVENT_TYPE_NAMES.join(' ')}</code></p></details>
<button>${m.submit}</button>`;
}
