import type { FastifyInstance } from 'fastify';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { panel } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { statusOf } from '../entered.ts';
import { formFields } from '../input.ts';
import { sendPage } from '../layout.ts';
import { form, may } from '../view.ts';
import { accountField, beginWork, latestWork, type WorkPage } from './operations.ts';

const CHARGES = '/admin/monthly-charges';

/** The page that previews and posts the monthly charges. */
export function monthlyChargePages(app: FastifyInstance, service: Service): void {
  const page: WorkPage = async (view, fields, problems) => {
    const m = view.m.operator.charges;
    const asked = html`<p>${m.text}</p>
<div class="form-grid">${accountField(view, fields, problems)}
${field({
  name: 'month',
  label: m.month,
  value: fields.month,
  problem: problems.month,
  hint: m.monthHint,
  autocomplete: 'off',
})}</div>
<p class="buttons"><button name="step" value="preview" class="quiet">${m.previewIt}</button>
<button name="step" value="post">${m.postIt}</button></p>`;
    const content = html`${may(view, 'money') && panel(m.due, form(view, CHARGES, asked))}
${await latestWork(service, view, ['charge run', 'charge preview'])}`;
    return { title: m.title, content, status: statusOf(problems) };
  };

  app.get(CHARGES, async (request, reply) =>
    sendPage(reply, request.view, await page(request.view, {}, {})),
  );

  app.post(CHARGES, async (request, reply) => {
    const posts = formFields(request).step === 'post';
    return beginWork(service, request, reply, {
      page,
      workOf: ({ account, month }) => ({
        kind: posts ? 'charge run' : 'charge preview',
        subject: String(account ?? ''),
        parameters: posts ? { account } : { account, month },
        unit: posts ? 'accounts' : 'charges',
      }),
    });
  });
}
