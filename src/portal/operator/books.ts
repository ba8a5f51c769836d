import type { FastifyInstance } from 'fastify';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { panel } from '../components/blocks.ts';
import { statusOf } from '../entered.ts';
import { sendPage } from '../layout.ts';
import { form, may } from '../view.ts';
import { accountField, beginWork, latestWork, type WorkPage } from './operations.ts';

const BOOKS = '/admin/books';

/** The page that has the books proved. */
export function bookPages(app: FastifyInstance, service: Service): void {
  const page: WorkPage = async (view, fields, problems) => {
    const m = view.m.operator.books;
    const content = html`${
      may(view, 'money') &&
      panel(
        m.prove,
        html`<p>${m.text}</p>
${form(view, BOOKS, html`${accountField(view, fields, problems)}<button>${m.submit}</button>`, 'inline-form')}`,
      )
    }
${await latestWork(service, view, ['reconciliation'])}`;
    return { title: m.title, content, status: statusOf(problems) };
  };

  app.get(BOOKS, async (request, reply) =>
    sendPage(reply, request.view, await page(request.view, {}, {})),
  );

  app.post(BOOKS, async (request, reply) =>
    beginWork(service, request, reply, {
      page,
      workOf: ({ account }) => ({
        kind: 'reconciliation',
        subject: String(account ?? ''),
        parameters: { account },
        unit: 'MB',
      }),
    }),
  );
}
