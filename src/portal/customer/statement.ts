import {
  monthlyStatement,
  type Statement,
  type StatementEntry,
} from '../../domain/billing/statement.ts';
import { dayOf } from '../../domain/day.ts';
import { InvalidValue, month as monthOf } from '../../domain/entered-values.ts';
import { negated } from '../../domain/money.ts';
import { Refusal } from '../../domain/refusal.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { facts, panel } from '../components/blocks.ts';
import { entryKind } from '../components/entry-kind.ts';
import { freeText } from '../components/free-text.ts';
import { money } from '../components/money.ts';
import { table } from '../components/table.ts';
import { day, duration } from '../components/time.ts';
import type { Page } from '../layout.ts';
import type { View } from '../view.ts';
import type { Subject } from './subject.ts';

/**
 * The statement of a month, for printing.
 * @throws Refusal 'not found' if the text is not a month, or the month has not begun
 */
export async function statementPage(
  view: View,
  { db }: Service,
  subject: Subject,
  month: string,
): Promise<Page> {
  if (!isPast(month, view.now, subject.timeZone)) throw new Refusal('not found', 'Not found');
  const statement = await monthlyStatement(db, subject.username, month);
  const m = view.m.statement;
  return {
    title: m.title(view.m.month(month)),
    content: content(view, statement),
    aside: html`<span class="buttons no-print"><a class="button quiet" href="${subject.base}/charges">${m.back}</a> <button type="button" class="needs-script" data-print>${m.print}</button></span>`,
  };
}

function isPast(month: string, now: Date, timeZone: string): boolean {
  try {
    return monthOf(month) <= dayOf(now, timeZone).slice(0, 7);
  } catch (error) {
    if (error instanceof InvalidValue) return false;
    throw error;
  }
}

function content(view: View, statement: Statement): Html {
  const m = view.m.statement;
  const { timeZone } = statement;
  const lastMoment = new Date(statement.to.getTime() - 1);
  const goesOn = statement.to > view.now;
  return html`${panel(
    view.brand.name,
    facts([
      { label: m.account, value: html`${statement.name}, ${statement.account}` },
      {
        label: m.period,
        value: html`${day(view, statement.from, timeZone)} – ${day(view, lastMoment, timeZone)} (${timeZone})`,
      },
      { label: m.opening, value: money(view, statement.opening) },
      { label: m.entries, value: money(view, statement.entriesAmount, { signed: true }) },
      { label: m.calls, value: money(view, negated(statement.callsAmount), { signed: true }) },
      {
        label: goesOn ? m.closingNow : m.closing,
        value: html`<strong>${money(view, statement.closing)}</strong>`,
      },
    ]),
  )}
${
  statement.entries.length > 0 &&
  panel(
    m.entriesTitle,
    table<StatementEntry>(view, {
      caption: m.entriesTitle,
      columns: [
        { label: m.day, cell: ({ createdAt }) => day(view, createdAt, timeZone) },
        { label: m.kind, cell: (entry) => entryKind(view.m, entry) },
        {
          label: m.what,
          onPhone: true,
          cell: (entry) => html`${freeText(entry.reason)}${lines(view, entry)}`,
        },
        {
          label: m.amount,
          numeric: true,
          onPhone: true,
          cell: ({ amount }) => money(view, amount, { signed: true }),
        },
      ],
      rows: statement.entries,
    }),
  )
}
${
  statement.calls.length > 0 &&
  panel(
    m.callsTitle,
    table<Statement['calls'][number]>(view, {
      caption: m.callsTitle,
      columns: [
        {
          label: m.account,
          cell: ({ account, name }) =>
            html`<span class="number">${account}</span> ${freeText(name)}`,
        },
        { label: m.count, numeric: true, cell: ({ calls }) => view.m.count(calls) },
        { label: m.duration, numeric: true, cell: ({ billedSeconds }) => duration(billedSeconds) },
        { label: m.amount, numeric: true, cell: ({ amount }) => money(view, amount) },
      ],
      rows: statement.calls,
    }),
  )
}`;
}

/** The lines of a monthly charge. */
function lines(view: View, { lines, createdAt }: StatementEntry): Html | undefined {
  if (lines.length === 0) return undefined;
  const own = createdAt.toISOString().slice(0, 7);
  return html`${lines.map(
    ({ item, name, month, amount }) =>
      html`<span class="sub line">${item === 'number' ? view.m.charges.phoneNumber(name) : freeText(name)}${month !== own && ` (${view.m.month(month)})`} ${money(view, amount)}</span>`,
  )}`;
}
