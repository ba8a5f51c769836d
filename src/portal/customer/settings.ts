import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { endListedSession, endSessions } from '../../domain/access/session.ts';
import { ChangedMeanwhile, changeAccount } from '../../domain/account/account.ts';
import { requestVerification } from '../../domain/account/portal-sign-up.ts';
import { customerAt } from '../../domain/audit.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { problemOf } from '../entered.ts';
import { formFields } from '../input.ts';
import { sendPage } from '../layout.ts';
import type { Messages } from '../messages/index.ts';
import {
  afterChange,
  changedProblems,
  readSettings,
  readShown,
  type SettingsForm,
} from '../settings-form.ts';
import { showDone } from '../shown-once.ts';
import { addressSetting } from './address-setting.ts';
import { passwordSetting } from './password-setting.ts';
import { PROFILE_FORM, type Refused, settingsPage, WARNING_FORM } from './settings-page.ts';

/** The settings that customers change themselves. */
export function settingsPages(app: FastifyInstance, service: Service): void {
  const { db, queue, config, clock } = service;

  app.get('/settings', async (request, reply) => {
    const { action, fields: typed } = (await takeDraft(service, request)) ?? {};
    const form = action === '/settings/warning' ? WARNING_FORM : PROFILE_FORM;
    return sendPage(reply, request.view, await settingsPage(service, request, { form, typed }));
  });

  app.post('/settings/profile', KEEPS_DRAFT, (request, reply) =>
    save(request, reply, PROFILE_FORM),
  );

  app.post('/settings/warning', KEEPS_DRAFT, (request, reply) =>
    save(request, reply, WARNING_FORM),
  );

  app.post('/settings/verification', async (request, reply) => {
    await requestVerification(db, queue, sessionOf(request).email);
    return done(reply, 'verification-sent', '/overview');
  });

  app.post('/settings/sessions', async (request, reply) => {
    const { username, handle } = sessionOf(request);
    const { end = '' } = formFields(request);
    if (end === 'others') await endSessions(db, username, handle);
    else if (/^[0-9]{1,15}$/.test(end)) await endListedSession(db, username, Number(end));
    return done(reply, 'session-ended');
  });

  addressSetting(app, service);
  passwordSetting(app, service);

  /** Saves the fields that differ from the shown ones. */
  async function save(request: FastifyRequest, reply: FastifyReply, form: SettingsForm) {
    const { view } = request;
    const typed = formFields(request);
    const again = async (refused: Refused) =>
      sendPage(reply, view, await settingsPage(service, request, refused));
    const { changes, problems } = readSettings(view.m, form, typed);
    if (problems) return again({ form, typed, problems });
    const { username } = sessionOf(request);
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    const shown = readShown(typed);
    const callerId = config.callerIdAny ? 'any' : 'owned';
    try {
      const tools = { queue, now: clock(), shown, callerId } as const;
      await changeAccount(db, actor, tools, username, changes);
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) {
        const { key, text } = problemOf(view.m, error);
        const field = key === 'timeZone' ? 'time_zone' : 'caller_id';
        return again({ form, typed, problems: { [field]: text } });
      }
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
    return showDone(service, reply, path, flash);
  }
}
