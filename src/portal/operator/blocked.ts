import type { FastifyInstance, FastifyRequest } from 'fastify';
import * as entered from '../../domain/entered-values.ts';
import {
  type BlockedPrefix,
  blockPrefixes,
  listBlocked,
  unblockPrefixes,
} from '../../domain/rating/blocked-prefix.ts';
import { Refusal } from '../../domain/refusal.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState, panel } from '../components/blocks.ts';
import { confirmed } from '../components/confirmed.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { table } from '../components/table.ts';
import { day } from '../components/time.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { optional, type Problems, problemOf, readFields, statusOf } from '../entered.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone } from '../shown-once.ts';
import { form, may, type View, zoneOf } from '../view.ts';
import { accountLink } from './accounts.ts';
import { administrator } from './actor.ts';

const PATH = '/admin/blocked';

/** Prefixes that may not be called, by everyone or by an account. */
export function blockedPages(app: FastifyInstance, service: Service): void {
  const { db, config, clock } = service;

  app.get(PATH, async (request, reply) => {
    const { fields = {} } = (await takeDraft(service, request)) ?? {};
    return sendPage(reply, request.view, await blockedPage(request, fields, {}));
  });

  app.post(PATH, KEEPS_DRAFT, async (request, reply) => {
    const { view } = request;
    const fields = formFields(request);
    const again = async (problems: Problems) =>
      sendPage(reply, view, await blockedPage(request, fields, problems));
    const { values, problems } = readFields(view.m, fields, {
      prefixes: (text) => text.split(/[\s,]+/).map(entered.prefix),
      account: optional(entered.username),
      reason: entered.words,
    });
    if (problems) return again(problems);
    const block = { ...values, emergencyNumbers: config.emergencyNumbers };
    try {
      await blockPrefixes(db, administrator(request), block, clock());
    } catch (error) {
      if (error instanceof Refusal && error.code === 'not found') {
        return again({ account: view.m.operator.noAccount });
      }
      return again({ prefixes: problemOf(view.m, error).text });
    }
    return showDone(service, reply, PATH, 'added');
  });

  app.post(`${PATH}/unblock`, async (request, reply) => {
    const { prefix = '', account = '' } = formFields(request);
    const unblocked = {
      prefixes: [prefix],
      account: /^[0-9]{10}$/.test(account) ? Number(account) : null,
    };
    await unblockPrefixes(db, administrator(request), unblocked, clock());
    return showDone(service, reply, PATH, 'removed');
  });

  async function blockedPage(
    { view }: FastifyRequest,
    values: Fields,
    problems: Problems,
  ): Promise<Page> {
    const m = view.m.operator.blocked;
    const blocked = await listBlocked(db);
    const fields = html`<div class="form-grid">
${field({ name: 'prefixes', label: m.prefixes, value: values.prefixes, problem: problems.prefixes, hint: m.prefixesHint, autocomplete: 'off', inputMode: 'numeric', required: true })}
${field({ name: 'account', label: m.account, value: values.account, problem: problems.account, hint: m.accountHint, autocomplete: 'off', inputMode: 'numeric' })}
${field({ name: 'reason', label: m.reason, value: values.reason, problem: problems.reason, autocomplete: 'off', required: true, maxLength: 200 })}
</div>
<button>${m.submit}</button>`;
    const content = html`<section class="panel">
${blocked.length > 0 ? blockedTable(view, blocked) : emptyState(m.none, m.noneText)}
</section>
${may(view, 'operation') && panel(m.add, form(view, PATH, fields))}`;
    return { title: m.title, content, status: statusOf(problems) };
  }
}

function blockedTable(view: View, blocked: BlockedPrefix[]) {
  const m = view.m.operator.blocked;
  const removal = ({ prefix, account }: BlockedPrefix) =>
    confirmed(view, `${PATH}/unblock`, m.unblock, {
      fields: html`<input type="hidden" name="prefix" value="${prefix}"><input type="hidden" name="account" value="${account ?? ''}">`,
      small: true,
    });
  return table<BlockedPrefix>(view, {
    caption: m.title,
    rows: blocked,
    columns: [
      { label: m.prefix, cell: ({ prefix }) => prefix },
      { label: m.account, cell: ({ account }) => (account ? accountLink(account) : m.everyone) },
      { label: m.reason, cell: ({ reason }) => freeText(reason) },
      { label: m.since, cell: ({ createdAt }) => day(view, createdAt, zoneOf(view)) },
      ...(may(view, 'operation') ? [{ label: '', cell: removal }] : []),
    ],
  });
}
