import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requireBalance } from '../../domain/books/balance.ts';
import * as entered from '../../domain/entered-values.ts';
import type { Failure } from '../../domain/operation/failure.ts';
import {
  beginOperation,
  findOperation,
  listOperations,
  type Operation,
} from '../../domain/operation/operation.ts';
import { Refusal } from '../../domain/refusal.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { badge, emptyState, notice, panel } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { table } from '../components/table.ts';
import { span, time } from '../components/time.ts';
import { optional, type Problems, readFields } from '../entered.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { type View, zoneOf } from '../view.ts';
import { administrator } from './actor.ts';
import { failureText, resultOf } from './operation-result.ts';

const SHOWN = 10;
const RELOAD_SECONDS = 2;
/** The one who began operations of the portal; the others have the id of a key. */
const CREATED_BY = 'portal';

/** The form of some long work: what was entered, and what is wrong with it. */
export type WorkPage = (view: View, fields: Fields, problems: Problems) => Promise<Page>;

interface WorkForm {
  /** shows the form again if something is wrong */
  page: WorkPage;
  workOf: (asked: {
    account: number | undefined;
    month: string | undefined;
  }) => Omit<Parameters<typeof beginOperation>[3], 'createdBy'>;
}

/** How far an operation is, or its result. */
export function operationPages(app: FastifyInstance, { db }: Service): void {
  app.get('/admin/operations/:id', async (request, reply) => {
    const { id } = request.params as { id: string };
    const { view } = request;
    const operation = await findOperation(db, id);
    // A page without scripts looks again by itself; the progress is its only content.
    if (!operation.finishedAt) reply.header('refresh', RELOAD_SECONDS);
    return sendPage(reply, view, operationPage(view, operation));
  });
}

/** Begins the work that a form asks for, and shows it. Work that goes on already is shown instead. */
export async function beginWork(
  { db, queue, clock }: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  { page, workOf }: WorkForm,
): Promise<FastifyReply> {
  const { view } = request;
  const fields = formFields(request);
  const { values, problems } = readFields(view.m, fields, {
    account: optional(entered.username),
    month: optional(entered.month),
  });
  const again = async (wrong: Problems) => sendPage(reply, view, await page(view, fields, wrong));
  if (problems) return again(problems);
  const account = values.account ?? undefined;
  try {
    if (account !== undefined) await requireBalance(db, account);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return again({ account: view.m.operator.noPayer });
  }
  const work = {
    ...workOf({ account, month: values.month ?? undefined }),
    createdBy: CREATED_BY,
  };
  try {
    const { id } = await beginOperation(db, queue, administrator(request), work, clock());
    return reply.redirect(`/admin/operations/${id}`, 303);
  } catch (error) {
    const id = error instanceof Refusal ? error.about?.operation : undefined;
    if (id === undefined) throw error;
    return reply.redirect(`/admin/operations/${id}`, 303);
  }
}

/** The latest work of some kinds. */
export async function latestWork({ db }: Service, view: View, kinds: string[]): Promise<Html> {
  const m = view.m.operator.operations;
  const found = await listOperations(db, { kinds }, { limit: SHOWN });
  const list = table<Operation>(view, {
    caption: m.latest,
    rows: found,
    columns: [
      {
        label: m.begun,
        cell: ({ id, createdAt }) =>
          html`<a href="/admin/operations/${id}">${time(view, createdAt, zoneOf(view), { seconds: true, zone: true })}</a>`,
      },
      { label: m.kind, cell: ({ kind }) => m.kinds[kind] ?? kind },
      { label: m.status, cell: (operation) => state(view, operation), onPhone: true },
    ],
  });
  return panel(m.latest, found.length > 0 ? list : emptyState(m.none, m.noneText));
}

/** The field for the billing account of some work; empty: all of them. */
export function accountField(view: View, fields: Fields, problems: Problems): Html {
  const m = view.m.operator;
  return field({
    name: 'account',
    label: m.books.account,
    value: fields.account,
    problem: problems.account,
    hint: m.books.accountHint,
    inputMode: 'numeric',
    autocomplete: 'off',
  });
}

const KIND_OF_STATE = {
  queued: 'plain',
  running: 'info',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'warn',
} as const;

function state(view: View, { status }: Operation): Html {
  return badge(KIND_OF_STATE[status], view.m.operator.operations.statuses[status]);
}

/** How far some work is, or what came of it. */
function operationPage(view: View, operation: Operation): Page {
  const m = view.m.operator.operations;
  const { kind, progress, createdAt, startedAt, finishedAt, error } = operation;
  const title = m.kinds[kind] ?? kind;
  if (!finishedAt) {
    const seconds = Math.max(0, (view.now.getTime() - (startedAt ?? createdAt).getTime()) / 1_000);
    const { done, total, unit } = progress;
    const content = html`<section class="panel" aria-live="polite">
<p>${state(view, operation)} ${m.since(span(seconds, view.m))}</p>
<p><progress aria-label="${title}"${total !== null && html` max="${total}" value="${done}"`}></progress></p>
<p>${m.done(done, total, unit === 'MB' ? ' MB' : '')}</p>
<p><a class="button quiet" href="${view.path}">${m.look}</a></p>
</section>`;
    return { title, content };
  }
  const content = html`<p>${state(view, operation)} ${time(view, finishedAt, zoneOf(view), { seconds: true, zone: true })}</p>
${operation.status === 'failed' && notice('bad', failureText(view, error as Failure))}
${operation.status === 'succeeded' && resultOf(view, operation)}`;
  return { title, content };
}
