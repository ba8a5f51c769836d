import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { rememberAddress, rememberDevice } from '../domain/access/known-origin.ts';
import {
  endSession,
  findSession,
  randomId,
  type Session,
  startSession,
} from '../domain/access/session.ts';
import { Refusal, roleRefused } from '../domain/refusal.ts';
import { mayDo } from '../domain/role.ts';
import { originOf } from '../http/client-address.ts';
import type { Service } from '../service.ts';
import { showBrand } from './assets.ts';
import { type Cookies, portalCookies } from './cookies.ts';
import { draftOf } from './draft.ts';
import { formToken, isFormToken } from './form-token.ts';
import { formFields } from './input.ts';
import { sendPage } from './layout.ts';
import { messagesFor } from './messages/index.ts';
import { permissionOf } from './permissions.ts';
import { signInPage } from './public/sign-in-page.ts';
import type { View } from './view.ts';

const DEVICE_SECONDS = 400 * 86_400;

declare module 'fastify' {
  interface FastifyRequest {
    /** the data that pages are made from */
    view: View;
    /** the session that the cookie names, if it is alive; `requireSession` requires one */
    session: Session | undefined;
    /** the secret that identifies this browser, also before anyone signs in */
    device: string;
    sessionId: string;
  }
}

/** Identifies the visitor, for all routes that are registered after it. */
export function knowVisitors(app: FastifyInstance, service: Service): void {
  const brand = showBrand(service.config.brand);
  const { db, keyring, config, clock } = service;
  const cookies = cookiesOf(service);
  app.decorateRequest('view');
  app.decorateRequest('session', undefined);
  app.decorateRequest('device', '');
  app.decorateRequest('sessionId', '');
  app.addHook('onRequest', async (request, reply) => {
    const now = clock();
    request.sessionId = cookies.read(request, 'session');
    request.session = await findSession(db, keyring, request.sessionId, {
      now,
      address: request.clientAddress,
      life: config.sessionLife,
    });
    request.device = cookies.read(request, 'device');
    if (!/^[A-Za-z0-9_-]{43}$/.test(request.device)) {
      request.device = randomId();
      cookies.set(reply, 'device', request.device, DEVICE_SECONDS);
    }
    request.view = {
      m: messagesFor(request.session, request.headers, config.language),
      brand,
      currency: config.currency,
      path: request.url.split('?')[0] ?? '/',
      session: request.session,
      formToken: formToken(keyring, request.device, request.session?.username),
      flash: cookies.read(request, 'flash') || undefined,
      clearFlash: () => cookies.clear(reply, 'flash'),
      now,
    };
  });
}

/**
 * Refuses forms that a page of another site sent. Checks the browser's origin headers and a token
 * that only this browser's pages hold: the account's token or, before anyone signed in, the
 * browser's own.
 * @param scope 'public' also accepts the browser's token after someone has signed in
 */
export function refuseForgedForms(
  app: FastifyInstance,
  service: Service,
  scope: 'public' | 'signed in',
): void {
  const { keyring, config } = service;
  app.addHook('preValidation', async (request) => {
    if (request.method !== 'POST') return;
    if (!isOwnOrigin(request, config.publicUrl)) throw forged();
    const { form_token: token = '' } = formFields(request);
    const { device, session } = request;
    const isKnown =
      (session && isFormToken(keyring, token, device, session.username)) ||
      (scope === 'public' && isFormToken(keyring, token, device));
    if (!isKnown) throw forged();
  });
}

/**
 * Redirects visitors who are not signed in to the sign-in page, and back afterwards. If a session
 * has ended, the page says so and keeps the typed fields of a form.
 */
export function requireSession(service: Service) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { session, sessionId, view, url } = request;
    if (session) return undefined;
    const draft = draftOf(request);
    if (draft) {
      const shown = { ...view, flash: 'session-over' };
      return sendPage(reply, shown, signInPage(shown, { next: url, draft, status: 403 }));
    }
    if (sessionId) cookiesOf(service).set(reply, 'flash', 'session-over');
    return reply.redirect(`/sign-in?next=${encodeURIComponent(url)}`, 303);
  };
}

/**
 * Like `requireSession`; for customers the page does not exist. If a second factor is required,
 * staff without one is sent to set it up.
 * @throws Refusal 'forbidden' if the role does not permit the route
 */
export function requireStaff(service: Service) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { session } = request;
    if (!session) return requireSession(service)(request, reply);
    if (session.role === 'customer') throw new Refusal('not found', 'Not found');
    if (!mayDo(session.role, permissionOf(request.method, request.routeOptions.url))) {
      throw roleRefused();
    }
    if (!service.config.adminSecondFactor || session.secondFactor) return undefined;
    cookiesOf(service).set(reply, 'flash', 'second-factor-required');
    return reply.redirect('/settings/second-factor', 303);
  };
}

/** The session of a route behind `requireSession` or `requireStaff`. */
export function sessionOf(request: FastifyRequest): Session {
  if (!request.session) throw new Error(`no session on ${request.routeOptions.url}`);
  return request.session;
}

/** Signs an account in on this browser, under a new session id. The browser's old session ends. */
export async function signIn(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  username: number,
): Promise<void> {
  const { db, keyring, clock } = service;
  const cookies = cookiesOf(service);
  const now = clock();
  const id = await db.transaction(async (tx) => {
    await endSession(tx, keyring, request.sessionId);
    await rememberDevice(tx, { keyring, now }, username, request.device);
    await rememberAddress(tx, { keyring, now }, username, originOf(request.clientAddress));
    const userAgent = request.headers['user-agent'] ?? '';
    return startSession(tx, keyring, { username, address: request.clientAddress, userAgent, now });
  });
  request.sessionId = id;
  cookies.set(reply, 'device', request.device, DEVICE_SECONDS);
  cookies.set(reply, 'session', id);
}

/** The portal's cookies; Secure where PUBLIC_URL is https. */
export function cookiesOf({ config }: Service): Cookies {
  return portalCookies(config.publicUrl?.startsWith('https:') ?? false);
}

/**
 * Pages send no referrer, so browsers that follow the standard send `Origin: null` with a form.
 * Their Sec-Fetch-Site gives the origin, except for addresses without TLS: there the token alone
 * decides.
 */
function isOwnOrigin(request: FastifyRequest, publicUrl: string | undefined): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin } = request.headers;
  if (origin === undefined || origin === 'null') return true;
  if (publicUrl && origin === new URL(publicUrl).origin) return true;
  return URL.canParse(origin) && new URL(origin).host === request.headers.host;
}

function forged(): Refusal {
  return new Refusal('forbidden', 'Forged form');
}
