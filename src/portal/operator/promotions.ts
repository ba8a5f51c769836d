import type { FastifyInstance } from 'fastify';
import { createPromotion, listPromotions, type Promotion } from '../../domain/account/promotion.ts';
import * as entered from '../../domain/entered-values.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { emptyState, panel } from '../components/blocks.ts';
import { type Field, field } from '../components/field.ts';
import { inCurrency, money } from '../components/money.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { optional, type Problems, problemOf, readFields, statusOf } from '../entered.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone } from '../shown-once.ts';
import { needsStepUp, stepUp } from '../step-up.ts';
import { form, may, type View, zoneOf } from '../view.ts';
import { administrator } from './actor.ts';

/** Codes that credit accounts that sign up with them. */
export function promotionPages(app: FastifyInstance, service: Service): void {
  const { db, clock } = service;

  app.get('/admin/promotions', async (request, reply) => {
    const { fields = {} } = (await takeDraft(service, request)) ?? {};
    return sendPage(reply, request.view, await promotionsPage(request.view, fields, {}));
  });

  app.post('/admin/promotions', KEEPS_DRAFT, async (request, reply) => {
    const { view } = request;
    const fields = formFields(request);
    const again = async (problems: Problems) =>
      sendPage(reply, view, await promotionsPage(view, fields, problems));
    const { values, problems } = readFields(view.m, fields, {
      code: entered.promotionCode,
      amount: entered.amount,
      validUntil: optional(entered.until),
      usesLimit: optional((text) => entered.wholeNumber(text, 1, 1_000_000_000)),
    });
    if (problems) return again(problems);
    if (needsStepUp(service, values.amount) && !(await stepUp(service, request, reply)))
      return reply;
    try {
      await createPromotion(db, administrator(request), values, clock());
    } catch (error) {
      return again({ code: problemOf(view.m, error).text });
    }
    return showDone(service, reply, '/admin/promotions', 'added');
  });

  async function promotionsPage(view: View, values: Fields, problems: Problems): Promise<Page> {
    const m = view.m.operator.promotions;
    const promotions = await listPromotions(db);
    const content = html`<section class="panel">
${promotions.length > 0 ? promotionTable(view, promotions) : emptyState(m.none, m.noneText)}
</section>
${may(view, 'money') && panel(m.add, form(view, '/admin/promotions', promotionFields(view, values, problems)))}`;
    return { title: m.title, content, status: statusOf(problems) };
  }
}

function promotionTable(view: View, promotions: Promotion[]): Html {
  const m = view.m.operator.promotions;
  return table<Promotion>(view, {
    caption: m.title,
    rows: promotions,
    columns: [
      { label: m.code, cell: ({ code }) => code },
      {
        label: m.until,
        cell: ({ validUntil }) =>
          validUntil ? time(view, validUntil, zoneOf(view), { zone: true }) : m.noEnd,
      },
      { label: m.uses, cell: ({ uses, usesLimit }) => m.of(uses, usesLimit), numeric: true },
      { label: m.amount, cell: ({ amount }) => money(view, amount), numeric: true },
    ],
  });
}

function promotionFields(view: View, values: Fields, problems: Problems): Html {
  const m = view.m.operator.promotions;
  const input = (name: string, label: string, more: Partial<Field>) =>
    field({
      name,
      label,
      value: values[name],
      problem: problems[name],
      autocomplete: 'off',
      ...more,
    });
  return html`<div class="form-grid">
${input('code', m.code, { required: true, maxLength: 64 })}
${input('amount', inCurrency(view, m.amountLabel), { required: true, inputMode: 'decimal' })}
${input('validUntil', m.untilLabel, { type: 'date', hint: m.untilHint })}
${input('usesLimit', m.usesLabel, { inputMode: 'numeric', hint: m.usesHint })}
</div>
<button>${m.submit}</button>`;
}
