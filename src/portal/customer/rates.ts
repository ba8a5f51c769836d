import type { FastifyInstance } from 'fastify';
import { describeAccount } from '../../domain/account/account-directory.ts';
import { type ExplainedCall, explainDialled } from '../../domain/calls/call-explanation.ts';
import { type Decimal, toMicros } from '../../domain/money.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { facts, notice, panel } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { exact, rate } from '../components/money.ts';
import { type Problems, problemOf } from '../entered.ts';
import { queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import type { View } from '../view.ts';

const LONGEST_NUMBER = 40;
const MINUTES = [1, 5, 10] as const;

/** What a call of the account to a number costs. */
export function ratesPage(app: FastifyInstance, { db, config }: Service): void {
  app.get('/rates', async (request, reply) => {
    const { view } = request;
    const m = view.m.rates;
    const typed = queryText(request, 'number').slice(0, LONGEST_NUMBER);
    const problems: Problems = {};
    let result: Html | undefined;
    try {
      if (typed) result = await costOf(view, typed, sessionOf(request).username);
    } catch (error) {
      problems.number = problemOf(view.m, error).text;
    }
    const content = html`<form method="get" action="/rates" class="panel inline-form" role="search">
${field({ name: 'number', label: m.number, type: 'tel', value: typed, problem: problems.number, hint: m.numberHint, autocomplete: 'off', required: true, maxLength: LONGEST_NUMBER })}
<button>${m.show}</button>
</form>
${result}`;
    const status = problems.number ? 400 : 200;
    return sendPage(reply, view, { title: m.title, content, status });
  });

  /** @throws InvalidValue if the text is no number */
  async function costOf(view: View, typed: string, account: number): Promise<Html> {
    const { emergencyNumbers } = config;
    const asked = { typed, account, feed: undefined, startsAt: view.now, emergencyNumbers };
    const calls: ExplainedCall[] = [];
    for (const minutes of MINUTES) {
      calls.push(await explainDialled(db, { ...asked, seconds: minutes * 60 }));
    }
    const { maxRate } = await describeAccount(db, account);
    return costPanel(view, calls, maxRate);
  }
}

function costPanel(view: View, calls: ExplainedCall[], maxRate: Decimal | null): Html {
  const m = view.m.rates;
  const [call] = calls;
  if (!call) return html``;
  const fee = (label: string, amount: Decimal) =>
    toMicros(amount) > 0n ? [{ label, value: exact(view, amount) }] : [];
  return panel(
    m.result(call.number),
    html`${remarkOf(view, call, maxRate)}
${facts([
  {
    label: m.destination,
    value: call.price ? `${call.price.name} ${call.price.prefix}` : m.ownRate,
  },
  { label: m.perMinute, value: rate(view, call.rate) },
  {
    label: m.increments,
    value: view.m.overview.secondsSteps(call.minimumSeconds, call.incrementSeconds),
  },
  ...fee(m.connectFee, call.connectFee),
  ...fee(m.minimumCharge, call.minimumCharge),
  ...calls.map(({ amount }, n) => ({
    label: m.costs(MINUTES[n] ?? 0),
    value: exact(view, amount),
  })),
])}`,
  );
}

/** Why such a call is refused, or costs something else than expected. */
function remarkOf(view: View, call: ExplainedCall, maxRate: Decimal | null): Html | false {
  const m = view.m.rates;
  if (call.emergency) return notice('info', m.emergency);
  if (call.blocked.length > 0) return notice('warn', m.blocked);
  if (call.incoming) return notice('info', m.incoming);
  const isTooDear = maxRate !== null && toMicros(call.rate) > toMicros(maxRate);
  return isTooDear && notice('warn', html`${m.tooDear(exact(view, maxRate))}`);
}
