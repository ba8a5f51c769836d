import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Service } from '../service.ts';
import { knowVisitors, refuseForgedForms, requireSession } from './access.ts';
import { serveAssets } from './assets.ts';
import { apiPages } from './customer/api.ts';
import { callsPages } from './customer/calls.ts';
import { chargesPages } from './customer/charges.ts';
import { namedKeyPages } from './customer/named-keys.ts';
import { overviewPage } from './customer/overview.ts';
import { phonePages } from './customer/phone.ts';
import { ratesPage } from './customer/rates.ts';
import { secondFactorPages } from './customer/second-factor.ts';
import { settingsPages } from './customer/settings.ts';
import { subAccountsPage } from './customer/sub-accounts.ts';
import { answerWithErrorPage } from './error-page.ts';
import { parseForm, refuseNulInQuery } from './input.ts';
import { operatorPages } from './operator/index.ts';
import { mailForms } from './public/ask-for-mail.ts';
import { confirmAddressPages } from './public/confirm-address.ts';
import { landingPage } from './public/landing.ts';
import { resetPages } from './public/reset.ts';
import { secondStepPages } from './public/second-step.ts';
import { signInPages } from './public/sign-in.ts';
import { signUpPages } from './public/sign-up.ts';
import { verifyPages } from './public/verify.ts';
import { referencePages } from './reference/index.ts';
import { takeTurns } from './turns.ts';

const FORM_LIMIT_BYTES = 16 * 1024;

/**
 * If the address of a form is opened directly, as by reloading, it redirects to the page above it.
 */
function leadBackFromForms(app: FastifyInstance): void {
  app.addHook('onRoute', function (this: FastifyInstance, { method, url }) {
    if (method !== 'POST' || this.hasRoute({ method: 'GET', url })) return;
    this.get(url, async (request, reply) => {
      const [path = '/'] = request.url.split('?');
      return reply.redirect(path.slice(0, path.lastIndexOf('/')) || '/', 303);
    });
  });
}

/** All pages of the portal. */
export async function portal(app: FastifyInstance, service: Service): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_LIMIT_BYTES },
    async (_request: FastifyRequest, body: string) => parseForm(body),
  );
  serveAssets(app, service.config.brand);
  referencePages(app, service);
  app.register(async (pages) => {
    pages.setErrorHandler(answerWithErrorPage(service));
    knowVisitors(pages, service);
    takeTurns(pages);
    pages.addHook('preValidation', refuseNulInQuery);
    leadBackFromForms(pages);
    pages.register(async (open) => {
      refuseForgedForms(open, service, 'public');
      landingPage(open);
      signInPages(open, service);
      secondStepPages(open, service);
      signUpPages(open, service);
      mailForms(open, service);
      verifyPages(open, service);
      confirmAddressPages(open, service);
      resetPages(open, service);
    });
    pages.register(async (signedIn) => {
      signedIn.addHook('preValidation', requireSession(service));
      refuseForgedForms(signedIn, service, 'signed in');
      overviewPage(signedIn, service);
      callsPages(signedIn, service);
      ratesPage(signedIn, service);
      subAccountsPage(signedIn, service);
      chargesPages(signedIn, service);
      apiPages(signedIn, service);
      namedKeyPages(signedIn, service);
      phonePages(signedIn, service);
      settingsPages(signedIn, service);
      secondFactorPages(signedIn, service);
    });
    pages.register(operatorPages, service);
  });
}
