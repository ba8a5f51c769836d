import type { FastifyInstance } from 'fastify';
import { requestSignUp } from '../../domain/account/portal-sign-up.ts';
import { isPromotionValid } from '../../domain/account/promotion.ts';
import { isAccountName } from '../../domain/account-name.ts';
import { isEmailAddress } from '../../domain/email-address.ts';
import { html } from '../../html.ts';
import { AddressLimit, limitByAddress } from '../../http/rate-limit.ts';
import type { Service } from '../../service.ts';
import { field } from '../components/field.ts';
import { statusOf } from '../entered.ts';
import { formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import { checkMailPage } from './check-mail.ts';

const LONGEST_PROMO = 64;

interface Wanted {
  name: string;
  email: string;
  promo: string;
}

type Problems = Partial<Record<keyof Wanted, string>>;

/**
 * Signing up. The answer is the same whether or not the address has an account; only the mail tells
 * the owner.
 */
export function signUpPages(app: FastifyInstance, service: Service): void {
  const { db, queue, config, clock } = service;
  const onRequest = limitByAddress(new AddressLimit(db, 'signup', config.signupLimitPerHour));

  app.get('/sign-up', async (request, reply) => {
    if (request.session) return reply.redirect('/', 303);
    return sendPage(reply, request.view, signUpPage(request.view));
  });

  app.post('/sign-up', { onRequest }, async (request, reply) => {
    const { view } = request;
    const { name = '', email = '', promo = '' } = formFields(request);
    const wanted = { name: name.trim(), email: email.trim(), promo: promo.trim() };
    const problems = await problemsOf(view, wanted);
    if (Object.keys(problems).length > 0) {
      return sendPage(reply, view, signUpPage(view, wanted, problems));
    }
    await requestSignUp(db, queue, {
      ...wanted,
      promo: wanted.promo || undefined,
      language: view.m.language,
    });
    const again = { href: '/verify/again', text: view.m.verify.again };
    return sendPage(reply, view, checkMailPage(view, view.m.signUp.sent(wanted.email), again));
  });

  async function problemsOf(view: View, { name, email, promo }: Wanted): Promise<Problems> {
    const m = view.m.fields;
    const isPromo = promo === '' || (await isPromotionValid(db, promo, clock()));
    return {
      ...(isAccountName(name) ? {} : { name: view.m.problems.accountName({ key: 'accountName' }) }),
      ...(isEmailAddress(email) ? {} : { email: view.m.problems.email({ key: 'email' }) }),
      ...(promo.length <= LONGEST_PROMO && isPromo ? {} : { promo: m.promoProblem }),
    };
  }
}

function signUpPage(view: View, wanted?: Wanted, problems: Problems = {}): Page {
  const m = view.m.signUp;
  const { name, email, promo } = view.m.fields;
  const fields = html`${field({ name: 'name', label: name, value: wanted?.name, problem: problems.name, autocomplete: 'organization', required: true, maxLength: 100, autofocus: wanted === undefined })}
${field({ name: 'email', label: email, type: 'email', value: wanted?.email, problem: problems.email, autocomplete: 'email', required: true, maxLength: 254 })}
${field({ name: 'promo', label: promo, value: wanted?.promo, problem: problems.promo, hint: m.promoHint, maxLength: LONGEST_PROMO, autocomplete: 'off' })}
<button>${m.submit}</button>`;
  const content = html`<p>${m.lead}</p>
${form(view, '/sign-up', fields)}
<p class="links"><a href="/sign-in">${m.signIn}</a></p>`;
  return { title: m.title, content, status: statusOf(problems) };
}
