import { randomBytes } from 'node:crypto';
import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import type { LedgerEntry } from '../../../domain/books/ledger.ts';
import type { Decimal } from '../../../domain/money.ts';
import { type Html, html } from '../../../html.ts';
import { emptyState, notice, panel } from '../../components/blocks.ts';
import { confirmed } from '../../components/confirmed.ts';
import { entryKind } from '../../components/entry-kind.ts';
import { field } from '../../components/field.ts';
import { freeText } from '../../components/free-text.ts';
import { inCurrency, money, rounded } from '../../components/money.ts';
import { table } from '../../components/table.ts';
import { time } from '../../components/time.ts';
import { form, may, type View, zoneOf } from '../../view.ts';
import type { Filled } from './request.ts';

/** Makes a form that is sent twice count once. */
const newReference = () => `portal ${randomBytes(8).toString('hex')}`;

/** What was posted by the form that was sent last. */
export interface Posted {
  /** negative for a debit */
  amount: Decimal;
  /** false: this form had been posted before */
  posted: boolean;
}

/**
 * The balance, and a form for credits, also on invoice, and debits. A form that is sent twice counts
 * once.
 */
export function moneyPanel(
  view: View,
  { username, cash }: AccountDetails,
  filled: Filled,
  last: Posted | undefined,
): Html {
  const m = view.m.operator.account;
  const reference = filled.values.reference ?? newReference();
  const { values, problems } = filled;
  const fields = html`<input type="hidden" name="reference" value="${reference}">
${field({ name: 'amount', label: inCurrency(view, m.amount), value: values.amount, problem: problems.amount, inputMode: 'decimal', autocomplete: 'off', required: true })}
${field({ name: 'reason', label: m.reason, value: values.reason, problem: problems.reason, autocomplete: 'off', required: true })}
<p class="buttons"><button name="direction" value="credit">${m.credit}</button>
<button name="direction" value="debit" class="quiet">${m.debit}</button>
<button name="direction" value="invoice" class="quiet">${m.creditOnInvoice}</button></p>
<p class="hint">${m.creditOnInvoiceHint}</p>`;
  const sent = form(view, `/admin/accounts/${username}/money`, fields);
  return html`<div class="columns">
${panel(m.money, sent)}
${panel(
  m.balance,
  html`<p class="figure">${money(view, cash)}</p>
${last && notice(last.posted ? 'good' : 'info', result(view, last, cash))}`,
)}
</div>`;
}

/** `Credited $12.50, balance $22.50.` */
function result(view: View, { amount, posted }: Posted, cash: Decimal): string {
  const m = view.m.operator.account;
  if (!posted) return m.postedBefore(rounded(view, cash));
  const isDebit = amount.startsWith('-');
  const words = isDebit ? m.debited : m.credited;
  return words(rounded(view, isDebit ? amount.slice(1) : amount), rounded(view, cash));
}

/**
 * A page of entries with forms that reverse them or settle a credit on invoice, where either is
 * possible.
 */
export function ledgerTable(view: View, username: number, entries: LedgerEntry[]): Html {
  const m = view.m.operator.account;
  if (entries.length === 0) return emptyState(m.noEntries, m.noEntriesText);
  const reversal = ({ id, kind, reversed }: LedgerEntry) => {
    if (kind === 'reversal') return '';
    if (reversed) return m.isReversed;
    return confirmed(view, `/admin/accounts/${username}/reverse`, m.reverse, {
      fields: html`<input type="hidden" name="entry" value="${id}">`,
      small: true,
    });
  };
  const settlement = ({ id, paid, reversed }: LedgerEntry) =>
    paid === false &&
    !reversed &&
    confirmed(view, `/admin/accounts/${username}/settle`, m.settle, {
      fields: html`<input type="hidden" name="entry" value="${id}"><input type="hidden" name="reference" value="${newReference()}">`,
      small: true,
    });
  return table<LedgerEntry>(view, {
    caption: m.ledger,
    rows: entries,
    columns: [
      {
        label: m.when,
        cell: ({ createdAt }) => time(view, createdAt, zoneOf(view), { zone: true, brief: true }),
      },
      { label: m.kind, cell: (entry) => entryKind(view.m, entry) },
      { label: m.reason, cell: ({ reason }) => freeText(reason) },
      { label: view.m.operator.actor, cell: ({ actor }) => freeText(actor) },
      {
        label: m.amount,
        cell: ({ amount }) => money(view, amount, { signed: true }),
        numeric: true,
      },
      ...(may(view, 'money')
        ? [
            {
              label: '',
              cell: (entry: LedgerEntry) => html`${settlement(entry)}${reversal(entry)}`,
            },
          ]
        : []),
    ],
  });
}
