import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { endSession, endSessions } from '../../domain/access/session.ts';
import {
  type AccountChanges,
  ChangedMeanwhile,
  changeAccount,
  isAccountName,
} from '../../domain/account/account.ts';
import { requestVerification } from '../../domain/account/portal-sign-up.ts';
import { customerAt } from '../../domain/audit.ts';
import * as entered from '../../domain/entered-values.ts';
import { tenDigits } from '../../domain/phone-number.ts';
import type { Service } from '../../service.ts';
import { cookiesOf, sessionOf } from '../access.ts';
import { formFields } from '../input.ts';
import { sendPage } from '../layout.ts';
import type { Messages } from '../messages/index.ts';
import {
  afterChange,
  changedFields,
  changedProblems,
  readShown,
  type SettingsForm,
} from '../settings-form.ts';
import { passwordSetting } from './password-setting.ts';
import {
  PROFILE_FORM,
  type Problems,
  type Refused,
  settingsPage,
  WARNING_FORM,
} from './settings-page.ts';

const HIGHEST_THRESHOLD = 1_000_000;

/** What customers set for themselves. */
export function settingsPages(app: FastifyInstance, service: Service): void {
  const { db, queue, clock } = service;

  app.get('/settings', async (request, reply) =>
    sendPage(reply, request.view, await settingsPage(service, request)),
  );

  app.post('/settings/profile', async (request, reply) => {
    const typed = formFields(request);
    const { m } = request.view;
    const entered = (typed.caller_id ?? '').trim();
    const changes = {
      name: (typed.name ?? '').trim(),
      callerId: tenDigits(entered) ?? entered,
      timeZone: typed.time_zone ?? '',
    };
    const problems = {
      name: isAccountName(changes.name) ? undefined : m.fields.nameProblem,
      caller_id: /^([0-9]{10})?$/.test(changes.callerId) ? undefined : m.settings.callerIdProblem,
      time_zone: (await isTimeZone(changes.timeZone)) ? undefined : m.settings.timeZoneProblem,
    };
    return save(request, reply, PROFILE_FORM, changes, problems);
  });

  app.post('/settings/warning', async (request, reply) => {
    const typed = formFields(request);
    const text = (typed.threshold ?? '').trim();
    const isThreshold = /^[0-9]{1,7}$/.test(text) && Number(text) <= HIGHEST_THRESHOLD;
    const threshold = isThreshold ? undefined : request.view.m.settings.thresholdProblem;
    const changes = { notify: typed.notify === 'on', notifyThreshold: Number(text) };
    return save(request, reply, WARNING_FORM, changes, { threshold });
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

  passwordSetting(app, service);

  /** Changes what differs from what the form showed. */
  async function save(
    request: FastifyRequest,
    reply: FastifyReply,
    form: SettingsForm,
    values: AccountChanges,
    problems: Problems,
  ) {
    const { view } = request;
    const typed = formFields(request);
    const again = async (refused: Refused) =>
      sendPage(reply, view, await settingsPage(service, request, refused));
    const changed = changedFields(form, typed);
    const wrong = Object.entries(problems).filter(([name]) => changed.includes(name));
    if (wrong.some(([, problem]) => problem)) {
      return again({ form, typed, problems: Object.fromEntries(wrong) });
    }
    const names = changed.flatMap((name) => form[name]?.settings ?? []);
    const changes = Object.fromEntries(names.map((name) => [name, values[name]]));
    const { username } = sessionOf(request);
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    try {
      await changeAccount(db, actor, queue, username, changes, clock(), readShown(typed));
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) throw error;
      const { changedMeanwhile, changedBy } = view.m;
      const say = changedProblems(form, error, (change) => {
        const isOwn = change.actor === actor.who;
        return changedMeanwhile({ ...change, actor: isOwn ? changedBy.account : changedBy.staff });
      });
      return again({ form, typed: afterChange(typed, error), problems: say });
    }
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
