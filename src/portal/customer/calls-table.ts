import type { ListedCall } from '../../domain/calls/call-list.ts';
import { OUTCOME_CHOICES, type OutcomeChoice } from '../../domain/calls/call-outcome.ts';
import { type Html, html } from '../../html.ts';
import { paging } from '../components/blocks.ts';
import { select } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { callCost, rate } from '../components/money.ts';
import { type Column, table } from '../components/table.ts';
import { duration, time, zoneAt } from '../components/time.ts';
import type { View } from '../view.ts';

/** Calls, one per row. @param options see `callColumns` */
export function callsTable(
  view: View,
  calls: ListedCall[],
  options: { timeZone: string; withAccount: boolean },
): Html {
  return table(view, { ...callColumns(view, options), rows: calls });
}

/**
 * The caption and the columns of a table of calls.
 * @param options.withAccount shows the account, if there are several
 * @param options.withDirection left out: yes
 */
export function callColumns(
  view: View,
  options: { timeZone: string; withAccount: boolean; withDirection?: boolean },
): { caption: string; columns: Column<ListedCall>[] } {
  const { timeZone, withAccount, withDirection = true } = options;
  const m = view.m.calls;
  const columns: (Column<ListedCall> | false)[] = [
    {
      label: m.time(zoneAt(view, view.now, timeZone)),
      onPhone: true,
      cell: ({ startedAt }) => time(view, startedAt, timeZone, { seconds: true, brief: true }),
    },
    withAccount && {
      label: m.account,
      cell: ({ account }) => html`<span class="numeric">${account}</span>`,
    },
    withDirection && {
      label: m.direction,
      cell: ({ incoming }) => (incoming ? m.incoming : m.outgoing),
    },
    {
      label: m.from,
      cell: ({ caller, callerName }) =>
        html`<span><span class="number">${caller}</span>${callerName && html` <span class="sub">${freeText(callerName)}</span>`}</span>`,
    },
    {
      label: m.to,
      onPhone: true,
      cell: ({ called }) => html`<span class="number">${called}</span>`,
    },
    {
      label: m.duration,
      numeric: true,
      cell: ({ talkSeconds, billedSeconds, outcome }) =>
        outcome === 'answered'
          ? html`<span title="${m.billedSeconds(billedSeconds)}">${duration(talkSeconds)}</span>`
          : html`<span class="quiet-text">${m.outcomes[outcome ?? 'not answered']}</span>`,
    },
    { label: m.rate, numeric: true, cell: (call) => rate(view, call.rate) },
    {
      label: m.cost,
      numeric: true,
      onPhone: true,
      cell: ({ amount, fee }) =>
        html`${amount === null ? '–' : callCost(view, amount)}${fee !== null && html` <span class="sub">${m.fee(callCost(view, fee))}</span>`}`,
    },
  ];
  return {
    caption: m.tableCaption(timeZone),
    columns: columns.filter((column) => column !== false),
  };
}

/** The field of a filter that chooses the calls of an outcome. */
export function outcomeField({ m }: View, chosen: OutcomeChoice | undefined): Html {
  const { outcome, anyOutcome, outcomes } = m.calls;
  return select({
    name: 'outcome',
    label: outcome,
    value: chosen ?? '',
    choices: [
      { value: '', label: anyOutcome },
      ...OUTCOME_CHOICES.map((value) => ({ value, label: outcomes[value] })),
    ],
  });
}

/**
 * Makes the links to the newest page of a list of calls, and to the next page.
 * @param address of a page, from the additional members of its query
 */
export function callPages(
  { m }: View,
  isFirst: boolean,
  address: (place: Record<string, string>) => string,
): (next: string | undefined) => Html {
  const { pages: label, newest, older } = m.calls;
  const first = isFirst ? undefined : { href: address({}), text: newest };
  return (after) =>
    paging({ label, first, next: after ? { href: address({ after }), text: older } : undefined });
}
