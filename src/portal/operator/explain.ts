import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type ExplainedCall, explainDialled } from '../../domain/calls/call-explanation.ts';
import { listFeeds } from '../../domain/calls/feed.ts';
import * as entered from '../../domain/entered-values.ts';
import { toMicros } from '../../domain/money.ts';
import { Refusal } from '../../domain/refusal.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { panel } from '../components/blocks.ts';
import { field, select } from '../components/field.ts';
import { exact } from '../components/money.ts';
import { table } from '../components/table.ts';
import { time } from '../components/time.ts';
import { type Problems, problemOf, readFields, statusOf } from '../entered.ts';
import { type Fields, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import { type View, zoneOf } from '../view.ts';

const FIELDS = ['number', 'account', 'feed', 'at', 'seconds'] as const;

/** The cost of a call and the reasons, step by step, like `calls explain`. */
export function explainPage(app: FastifyInstance, { db, config }: Service): void {
  app.get('/admin/explain', async (request, reply) => {
    const { view } = request;
    const m = view.m.operator.explain;
    const fields: Fields = Object.fromEntries(
      FIELDS.map((name) => [name, queryText(request, name)]),
    );
    const { explained, problems = {} } = fields.number ? await answer(request, fields) : {};
    const feeds = (await listFeeds(db)).map(({ name }) => name);
    const content = html`<form method="get" action="/admin/explain">
${questionFields(view, feeds, fields, problems)}
</form>
${explained && panel(m.steps, stepTable(view, explained))}`;
    return sendPage(reply, view, { title: m.title, content, status: statusOf(problems) });
  });

  async function answer(
    { view }: FastifyRequest,
    fields: Fields,
  ): Promise<{ explained?: ExplainedCall; problems?: Problems }> {
    const { values, problems } = readFields(view.m, fields, {
      account: entered.username,
      at: (text) => (text === '' ? view.now : entered.from(text)),
      seconds: (text) => entered.wholeNumber(text || '60', 0, 86_400),
    });
    if (problems) return { problems };
    try {
      const explained = await explainDialled(db, {
        typed: fields.number ?? '',
        account: values.account,
        feed: fields.feed || undefined,
        startsAt: values.at,
        seconds: values.seconds,
        emergencyNumbers: config.emergencyNumbers,
      });
      return { explained };
    } catch (error) {
      if (error instanceof Refusal && error.code === 'not found') {
        return { problems: { account: view.m.operator.explain.unknown } };
      }
      return { problems: { number: problemOf(view.m, error).text } };
    }
  }
}

function questionFields(view: View, feeds: string[], values: Fields, problems: Problems): Html {
  const m = view.m.operator.explain;
  const choices = [
    { value: '', label: m.anyFeed },
    ...feeds.map((value) => ({ value, label: value })),
  ];
  return html`<div class="form-grid">
${field({ name: 'number', label: m.number, value: values.number, problem: problems.number, hint: m.numberHint, autocomplete: 'off', required: true })}
${field({ name: 'account', label: m.account, value: values.account, problem: problems.account, inputMode: 'numeric', autocomplete: 'off', required: true })}
${select({ name: 'feed', label: m.feed, value: values.feed ?? '', choices })}
${field({ name: 'at', label: m.at, value: values.at, problem: problems.at, hint: m.atHint, autocomplete: 'off' })}
${field({ name: 'seconds', label: m.seconds, value: values.seconds || '60', problem: problems.seconds, inputMode: 'numeric', autocomplete: 'off' })}
</div>
<button>${m.show}</button>`;
}

function stepTable(view: View, explained: ExplainedCall): Html {
  const m = view.m.operator.explain;
  const { price } = explained;
  const amount = (text: string) => exact(view, text);
  const moment = (text: string) => time(view, new Date(text), zoneOf(view), { zone: true });
  const blocked = explained.blocked.map((row) => `${row.prefix} (${row.account ?? m.everyone})`);
  const rows: [string, string | number | Html][] = [
    [m.typed, explained.typed],
    [m.country, m.countries(explained.country, explained.feedCountry)],
    [m.stored, explained.number],
    [m.emergency, explained.emergency ? m.emergencyYes : m.no],
    [m.blocked, blocked.length > 0 ? blocked.join(', ') : m.no],
    [m.owner, explained.owner ?? m.nobody],
    [m.direction, explained.incoming ? m.incoming : m.outgoing],
    [m.list, explained.list ?? m.none],
    [m.prefixes, explained.candidates.join(', ') || m.none],
    [m.price, price ? `${price.prefix} ${price.name}` : m.ownRate],
    ...(price?.validFrom ? ([[m.validFrom, moment(price.validFrom)]] as [string, Html][]) : []),
    ...(price?.validUntil ? ([[m.validUntil, moment(price.validUntil)]] as [string, Html][]) : []),
    [m.rate, amount(explained.rate)],
    [m.maxRate, highestRate(view, explained)],
    [m.increment, `${explained.minimumSeconds}/${explained.incrementSeconds}`],
    [m.connectFee, amount(explained.connectFee)],
    [m.minimumCharge, amount(explained.minimumCharge)],
    [m.billed, explained.billedSeconds],
    [m.cost, amount(explained.amount)],
  ];
  return table(view, {
    caption: m.steps,
    rows,
    columns: [
      { label: m.step, cell: ([step]) => step },
      { label: m.result, cell: ([, result]) => result },
    ],
  });
}

function highestRate(view: View, { maxRate, rate, emergency }: ExplainedCall): string {
  const m = view.m.operator.explain;
  if (maxRate === null) return m.none;
  const isRefused = toMicros(rate) > toMicros(maxRate) && !emergency;
  return `${exact(view, maxRate)}${isRefused ? `: ${m.refused}` : ''}`;
}
