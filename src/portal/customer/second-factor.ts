import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { renderSVG } from 'uqr';
import {
  authenticatorUrl,
  beginSecondFactor,
  begunSecondFactor,
  confirmSecondFactor,
  newRecoveryCodes,
  removeSecondFactor,
  type SecondFactorState,
  secondFactorState,
} from '../../domain/access/second-factor.ts';
import { customerAt } from '../../domain/audit.ts';
import { Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { badge, notice, panel } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { copyable } from '../components/secret.ts';
import { knowsPassword, passwordField } from '../confirm.ts';
import { formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone, showOnce, takeShownOnce } from '../shown-once.ts';
import { form, type View } from '../view.ts';

const PATH = '/settings/second-factor';

interface Shown {
  /** for setting up an authenticator */
  secret?: string;
  /** the given code was wrong */
  wrong?: boolean;
  codes?: string[];
}

/** Turns the second factor on and off; each step asks for the password again. */
export function secondFactorPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, config, clock } = service;

  app.get(PATH, async (request, reply) => {
    const { view } = request;
    const { username } = sessionOf(request);
    const { secret, wrong, codes } = (await takeShownOnce<Shown>(service, request)) ?? {};
    if (secret) return sendPage(reply, view, setUpPage(view, username, secret, wrong));
    if (codes) return sendPage(reply, view, codesPage(view, codes));
    return sendPage(
      reply,
      view,
      statePage(view, await secondFactorState(db, username), isNeeded(request)),
    );
  });

  app.post(PATH, async (request, reply) => {
    const { view } = request;
    const { username } = sessionOf(request);
    const { current = '', action = 'begin' } = formFields(request);
    const state = await secondFactorState(db, username);
    if (!(await knowsPassword(service, request, current))) {
      return sendPage(reply, view, statePage(view, state, isNeeded(request), true));
    }
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    const wanted = state.on ? ['codes', ...(isNeeded(request) ? [] : ['off'])] : ['begin'];
    // The second factor was turned on or off elsewhere after the page was made.
    if (!wanted.includes(action)) return reply.redirect(PATH, 303);
    if (action === 'begin') {
      const secret = await beginSecondFactor(db, keyring, username);
      return showOnce(service, reply, PATH, { secret } satisfies Shown);
    }
    if (action === 'codes') {
      const codes = await newRecoveryCodes(db, actor, { keyring, now: clock() }, username);
      return showOnce(service, reply, PATH, { codes } satisfies Shown);
    }
    await removeSecondFactor(db, actor, { queue, now: clock() }, username);
    return showDone(service, reply, '/settings', 'second-factor-off');
  });

  app.post(`${PATH}/confirm`, async (request, reply) => confirm(request, reply));

  const isNeeded = (request: FastifyRequest) =>
    config.adminSecondFactor && sessionOf(request).role !== 'customer';

  async function confirm(request: FastifyRequest, reply: FastifyReply) {
    const { username, handle: session } = sessionOf(request);
    const { code = '' } = formFields(request);
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    const tools = { keyring, queue, now: clock() };
    const codes = await confirmSecondFactor(db, actor, tools, { username, code, session });
    if (!codes) {
      const secret = await begunSecondFactor(db, keyring, username);
      return showOnce(service, reply, PATH, { secret, wrong: true } satisfies Shown);
    }
    return showOnce(service, reply, PATH, { codes } satisfies Shown);
  }
}

/** The second factor's part of the settings page. */
export function secondFactorPanel(view: View, state: SecondFactorState): Html {
  const m = view.m.secondFactor;
  const mark = state.on ? badge('good', m.on) : badge('plain', m.off);
  const text = state.on ? m.codesLeft(state.codesLeft) : m.what;
  return panel(
    m.title,
    html`<p>${text}</p><p><a class="button quiet" href="${PATH}">${state.on ? m.manage : m.setUp}</a></p>`,
    mark,
  );
}

/** @param isNeeded it cannot be turned off */
function statePage(view: View, state: SecondFactorState, isNeeded: boolean, wrong = false): Page {
  const m = view.m.secondFactor;
  const buttons = state.on
    ? html`<button name="action" value="codes">${m.newCodes}</button> ${!isNeeded && html`<button name="action" value="off" class="danger">${m.turnOff}</button>`}`
    : html`<button name="action" value="begin">${m.setUp}</button>`;
  const fields = html`${passwordField(view, 'current', wrong)}
<div class="buttons">${buttons}</div>`;
  const text = state.on ? m.codesLeft(state.codesLeft) : m.what;
  const content = panel(
    state.on ? m.isOn : m.isOff,
    html`<p>${text}</p>${form(view, PATH, fields, 'narrow')}`,
  );
  return { title: m.title, content, status: wrong ? 400 : 200, aside: back(view) };
}

function setUpPage(view: View, username: number, secret: string, wrong = false): Page {
  const m = view.m.secondFactor;
  // A library made it from this service's text, so nothing needs escaping.
  const qr = new Html(
    renderSVG(authenticatorUrl(view.brand.name, username, secret), { border: 2 }),
  );
  const fields = html`${field({ name: 'code', label: m.code, autocomplete: 'one-time-code', inputMode: 'numeric', required: true, maxLength: 7, problem: wrong ? m.wrong : undefined })}
<button>${m.turnOn}</button>`;
  const content = html`<div class="columns">
${panel(m.scan, html`<p>${m.scanText}</p><div class="qr" role="img" aria-label="${m.qr}">${qr}</div>${copyable(view, 'secret', m.byHand, secret)}`)}
${panel(m.confirm, html`<p>${m.confirmText}</p>${form(view, `${PATH}/confirm`, fields)}`)}
</div>`;
  return { title: m.title, content, aside: back(view) };
}

function codesPage(view: View, codes: string[]): Page {
  const m = view.m.secondFactor;
  const content = html`${notice('good', m.codesText)}
${panel(m.codes, copyable(view, 'codes', m.codesOnce, codes.join('\n')))}`;
  return { title: m.title, content, aside: back(view) };
}

function back(view: View): Html {
  return html`<a class="button quiet" href="/settings">${view.m.secondFactor.back}</a>`;
}
