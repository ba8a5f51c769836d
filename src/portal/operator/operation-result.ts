import type { AccountBooks } from '../../domain/books/proof.ts';
import type { Decimal } from '../../domain/money.ts';
import type { Failure } from '../../domain/operation/failure.ts';
import type { Operation } from '../../domain/operation/operation.ts';
import { wordProblem } from '../../domain/problem.ts';
import { type Html, html } from '../../html.ts';
import { facts, notice, panel } from '../components/blocks.ts';
import { freeText } from '../components/free-text.ts';
import { exact, money } from '../components/money.ts';
import { table } from '../components/table.ts';
import type { View } from '../view.ts';
import { accountLink } from './accounts.ts';

/** What came of long work, by its kind; other kinds show their figures. */
export function resultOf(view: View, { kind, result }: Operation): Html {
  switch (kind) {
    case 'reconciliation':
      return proof(view, result as Proof);
    case 'charge run':
      return chargeRun(view, result as ChargeRun);
    case 'charge preview':
      return chargePreview(view, result as ChargePreview);
    default:
      return figures(view, result as Record<string, unknown>);
  }
}

interface Proof {
  balanced: boolean;
  accounts: number;
  calls: number;
  imbalances: AccountBooks[];
}

function proof(view: View, { balanced, accounts, calls, imbalances }: Proof): Html {
  const m = view.m.operator.books;
  const checked = m.checked(accounts, calls);
  if (balanced) return notice('good', `${m.balanced} ${checked}`);
  const amount = (name: keyof AccountBooks) => (books: AccountBooks) =>
    exact(view, String(books[name]));
  return html`${notice('bad', `${m.imbalances(imbalances.length)} ${checked}`)}
${panel(
  m.imbalancesTitle,
  table<AccountBooks>(view, {
    caption: m.imbalancesTitle,
    rows: imbalances,
    columns: [
      { label: m.account, cell: ({ account }) => accountLink(account) },
      { label: m.ledger, cell: amount('ledger'), numeric: true },
      { label: m.calls, cell: amount('calls'), numeric: true },
      { label: m.expected, cell: amount('expected'), numeric: true },
      { label: m.balance, cell: amount('cash'), numeric: true, onPhone: true },
      { label: m.holds, cell: amount('holds'), numeric: true },
      { label: m.held, cell: amount('held'), numeric: true },
    ],
  }),
)}`;
}

interface ChargeRun {
  accounts: number;
  charges: number;
  amount: Decimal;
  failures: (Failure & { account: string })[];
}

function chargeRun(view: View, { accounts, charges, amount, failures }: ChargeRun): Html {
  const m = view.m.operator.charges;
  return html`${panel(
    m.result,
    facts([
      { label: m.accounts, value: view.m.count(accounts) },
      { label: m.charges, value: view.m.count(charges) },
      { label: m.amount, value: money(view, amount) },
    ]),
  )}
${
  failures.length > 0 &&
  panel(
    m.failures,
    table<ChargeRun['failures'][number]>(view, {
      caption: m.failures,
      rows: failures,
      columns: [
        { label: m.account, cell: ({ account }) => accountLink(Number(account)) },
        { label: m.reason, cell: (failure) => failureText(view, failure) },
      ],
    }),
  )
}`;
}

/** Why work failed, in the reader's language; details of other systems are in English. */
export function failureText(view: View, { code, detail, problem }: Failure): Html {
  const { causes } = view.m.operator.operations;
  if (problem) return html`${wordProblem(view.m.problems, problem)}`;
  const cause = causes[code];
  if (cause !== undefined) return html`${cause}`;
  return html`${causes.other} <span lang="en">${freeText(detail)}</span>`;
}

interface ChargePreview {
  count: number;
  charges: { account: string; month: string; amount: Decimal }[];
}

function chargePreview(view: View, { count, charges }: ChargePreview): Html {
  const m = view.m.operator.charges;
  if (count === 0) return notice('info', m.nothingDue);
  return html`${notice('info', m.wouldPost(count))}
${panel(
  m.charges,
  table<ChargePreview['charges'][number]>(view, {
    caption: m.charges,
    rows: charges,
    columns: [
      { label: m.account, cell: ({ account }) => accountLink(Number(account)) },
      { label: m.month, cell: ({ month }) => view.m.month(month) },
      { label: m.amount, cell: ({ amount }) => money(view, amount), numeric: true },
    ],
  }),
)}`;
}

function figures(view: View, result: Record<string, unknown>): Html {
  const m = view.m.operator.operations;
  const shown = Object.entries(result).filter(([, value]) =>
    ['number', 'string'].includes(typeof value),
  );
  return panel(
    m.result,
    facts(
      shown.map(([name, value]) => ({
        label: m.figures[name] ?? name,
        value: typeof value === 'number' ? view.m.count(value) : String(value),
      })),
    ),
  );
}
