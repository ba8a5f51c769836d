import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import type { Decimal } from '../../../domain/money.ts';
import { type Html, html } from '../../../html.ts';
import { panel } from '../../components/blocks.ts';
import { confirmed } from '../../components/confirmed.ts';
import { field } from '../../components/field.ts';
import { freeText } from '../../components/free-text.ts';
import { inCurrency, money } from '../../components/money.ts';
import { table } from '../../components/table.ts';
import { day } from '../../components/time.ts';
import { form, may, type View, zoneOf } from '../../view.ts';
import type { Filled } from './request.ts';

interface Item {
  name: string;
  monthly: Decimal;
  addedAt: Date;
}

/** The monthly charged items of an account: its services, or its numbers. */
export function itemsPanel(
  view: View,
  account: AccountDetails,
  filled: Filled,
  kind: 'services' | 'numbers',
): Html {
  const m = view.m.operator.account;
  if (kind === 'services') {
    return listPanel(view, account, filled, {
      kind,
      name: 'description',
      items: account.services.map((item) => ({ ...item, name: item.description })),
      title: m.services,
      label: m.service,
      none: m.noServices,
      add: m.addService,
    });
  }
  return listPanel(view, account, filled, {
    kind,
    name: 'number',
    items: account.numbers.map((item) => ({ ...item, name: item.number })),
    title: m.numbers,
    label: m.number,
    none: m.noNumbers,
    add: m.addNumber,
  });
}

interface Items {
  kind: 'services' | 'numbers';
  /** name of the field */
  name: string;
  items: Item[];
  title: string;
  label: string;
  none: string;
  add: string;
}

function listPanel(view: View, account: AccountDetails, { values, problems }: Filled, of: Items) {
  const m = view.m.operator.account;
  const path = `/admin/accounts/${account.username}/${of.kind}`;
  const monthly = `${of.name}Monthly`;
  const isChangeable = account.closedAt === null && may(view, 'money');
  const removal = ({ name }: Item) =>
    confirmed(view, `${path}/remove`, m.remove, {
      fields: html`<input type="hidden" name="${of.name}" value="${name}">`,
      small: true,
    });
  const list = table<Item>(view, {
    caption: of.title,
    rows: of.items,
    columns: [
      { label: of.label, cell: ({ name }) => freeText(name) },
      { label: m.since, cell: ({ addedAt }) => day(view, addedAt, zoneOf(view)) },
      { label: m.monthlyAmount, cell: (item) => money(view, item.monthly), numeric: true },
      ...(isChangeable ? [{ label: '', cell: removal }] : []),
    ],
  });
  const addition = form(
    view,
    path,
    html`${field({ name: of.name, label: of.label, value: values[of.name], problem: problems[of.name], autocomplete: 'off', required: true })}
${field({ name: monthly, label: inCurrency(view, m.monthlyAmount), value: values[monthly], problem: problems[monthly], autocomplete: 'off', inputMode: 'decimal', required: true })}
<button class="quiet">${of.add}</button>`,
    'inline-form',
  );
  return panel(
    of.title,
    html`${of.items.length > 0 ? list : html`<p class="quiet-text">${of.none}</p>`}
${isChangeable && addition}`,
  );
}
