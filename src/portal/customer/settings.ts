import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { secondFactorState } from '../../domain/access/second-factor.ts';
import { endSession, endSessions, listSessions } from '../../domain/access/session.ts';
import { type AccountChanges, changeAccount, isAccountName } from '../../domain/account/account.ts';
import { type AccountDetails, describeAccount } from '../../domain/account/account-directory.ts';
import { requestVerification } from '../../domain/account/portal-sign-up.ts';
import { customerAt } from '../../domain/audit.ts';
import * as entered from '../../domain/entered-values.ts';
import { typedNumber } from '../../domain/phone-number.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { cookiesOf, sessionOf } from '../access.ts';
import { notice, panel } from '../components/blocks.ts';
import { checkbox, field, select } from '../components/field.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import type { Messages } from '../messages/index.ts';
import { form, type View } from '../view.ts';
import { passwordPanel, passwordSetting } from './password-setting.ts';
import { secondFactorPanel } from './second-factor.ts';
import { sessionsPanel } from './sessions-panel.ts';
import { TIME_ZONES } from './time-zones.ts';

const HIGHEST_THRESHOLD = 1_000_000;

/** What was typed and refused, and why, by field. */
export interface Refused {
  typed?: Fields;
  problems?: Record<string, string | undefined>;
}

/** What customers set for themselves. */
export function settingsPages(app: FastifyInstance, service: Service): void {
  const { db, queue, clock } = service;

  app.get('/settings', async (request, reply) =>
    sendPage(reply, request.view, await settingsPage(service, request)),
  );

  app.post('/settings/profile', async (request, reply) => {
    const typed = formFields(request);
    const callerId = typedNumber((typed.caller_id ?? '').trim());
    const changes = {
      name: (typed.name ?? '').trim(),
      callerId,
      timeZone: typed.time_zone ?? '',
    };
    const m = request.view.m;
    const problems = {
      name: isAccountName(changes.name) ? undefined : m.fields.nameProblem,
      caller_id: /^([0-9]{10})?$/.test(callerId) ? undefined : m.settings.callerIdProblem,
      time_zone: (await isTimeZone(changes.timeZone)) ? undefined : m.settings.timeZoneProblem,
    };
    return save(request, reply, changes, { typed, problems });
  });

  app.post('/settings/warning', async (request, reply) => {
    const typed = formFields(request);
    const text = (typed.threshold ?? '').trim();
    const isThreshold = /^[0-9]{1,7}$/.test(text) && Number(text) <= HIGHEST_THRESHOLD;
    const threshold = isThreshold ? undefined : request.view.m.settings.thresholdProblem;
    const changes = { notify: typed.notify === 'on', notifyThreshold: Number(text) };
    return save(request, reply, changes, { typed, problems: { threshold } });
  });

  app.post('/settings/verification', async (request, reply) => {
    await requestVerification(db, queue, sessionOf(request).email);
    return done(reply, 'verification-sent', '/overview');
  });

  app.post('/settings/sessions', async (request, reply) => {
    const { username, handle } = sessionOf(request);
    const { end = '' } = formFields(request);
    if (end === 'others') await endSessions(db, username, handle);
    else if (/^[0-9]{1,15}$/.test(end)) await endSession(db, username, Number(end));
    return done(reply, 'session-ended');
  });

  passwordSetting(app, service, (request, refused) => settingsPage(service, request, refused));

  async function save(
    request: FastifyRequest,
    reply: FastifyReply,
    changes: AccountChanges,
    refused: Refused,
  ) {
    if (Object.values(refused.problems ?? {}).some(Boolean)) {
      return sendPage(reply, request.view, await settingsPage(service, request, refused));
    }
    const { username } = sessionOf(request);
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    await changeAccount(db, actor, queue, username, changes, clock());
    return done(reply, 'saved');
  }

  function done(reply: FastifyReply, flash: keyof Messages['flash'], path = '/settings') {
    cookiesOf(service).set(reply, 'flash', flash);
    return reply.redirect(path, 303);
  }

  /** Known to this process and to the database, which computes with it. */
  async function isTimeZone(name: string): Promise<boolean> {
    if (!isKnownHere(name)) return false;
    const rows = await db.query('SELECT 1 FROM pg_timezone_names WHERE name = $1', [name]);
    return rows.length > 0;
  }
}

function isKnownHere(zone: string): boolean {
  try {
    return entered.timeZone(zone) === zone;
  } catch {
    return false;
  }
}

async function settingsPage(
  { db, config }: Service,
  request: FastifyRequest,
  refused: Refused = {},
): Promise<Page> {
  const { view } = request;
  const session = sessionOf(request);
  const [account, sessions, factor] = await Promise.all([
    describeAccount(db, session.username),
    listSessions(db, session.username, view.now, config.sessionLife),
    secondFactorState(db, session.username),
  ]);
  const content = html`<div class="columns">
${profilePanel(view, account, refused)}
${warningPanel(view, account, refused)}
${passwordPanel(view, refused)}
${secondFactorPanel(view, factor)}
</div>
${sessionsPanel(view, sessions, session)}`;
  const status = refused.problems ? 400 : 200;
  return { title: view.m.navigation.settings, content, status };
}

function profilePanel(view: View, account: AccountDetails, { typed, problems }: Refused): Html {
  const m = view.m.settings;
  const known = TIME_ZONES.includes(account.timeZone);
  const zones = known ? TIME_ZONES : [account.timeZone, ...TIME_ZONES];
  const fields = html`${field({ name: 'name', label: view.m.fields.name, value: typed?.name ?? account.name, required: true, maxLength: 100, autocomplete: 'organization', problem: problems?.name })}
${field({ name: 'caller_id', label: m.callerId, type: 'tel', value: typed?.caller_id ?? account.callerId, hint: m.callerIdHint, maxLength: 20, autocomplete: 'off', problem: problems?.caller_id })}
${select({ name: 'time_zone', label: m.timeZone, value: typed?.time_zone ?? account.timeZone, hint: m.timeZoneHint, problem: problems?.time_zone, choices: zones.map((zone) => ({ value: zone, label: zone.replaceAll('_', ' ') })) })}
<button>${m.save}</button>`;
  return panel(m.profile, form(view, '/settings/profile', fields));
}

function warningPanel(view: View, account: AccountDetails, { typed, problems }: Refused): Html {
  const m = view.m.settings;
  if (account.masterAccount !== account.username) {
    return panel(m.warning, notice('info', m.warnedOther(account.masterAccount)));
  }
  const checked = typed?.threshold === undefined ? account.notify : typed.notify === 'on';
  const fields = html`${checkbox({ name: 'notify', label: m.notify, checked })}
${field({ name: 'threshold', label: m.threshold, value: typed?.threshold ?? account.notifyThreshold, inputMode: 'numeric', required: true, hint: m.thresholdHint(account.email), problem: problems?.threshold })}
<button>${m.save}</button>`;
  return panel(m.warning, form(view, '/settings/warning', fields));
}
