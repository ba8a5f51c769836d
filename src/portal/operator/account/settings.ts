import type { FastifyInstance } from 'fastify';
import { ChangedMeanwhile, changeAccount } from '../../../domain/account/account.ts';
import { describeAccount } from '../../../domain/account/account-directory.ts';
import { type AccountSettingName, SETTING_NAMES } from '../../../domain/account/account-setting.ts';
import { roleRefused } from '../../../domain/refusal.ts';
import type { Service } from '../../../service.ts';
import { KEEPS_DRAFT } from '../../draft.ts';
import { type Problems, problemOf } from '../../entered.ts';
import { type Fields, formFields } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { afterChange, changedProblems, readSettings, readShown } from '../../settings-form.ts';
import { showDone } from '../../shown-once.ts';
import { stepUp } from '../../step-up.ts';
import { administrator } from '../actor.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';
import { settingsForm } from './settings-panel.ts';

// The fields for problems that only the database finds.
const FIELD_OF: Record<string, AccountSettingName> = {
  timeZone: 'timeZone',
  country: 'country',
  noPriceList: 'priceList',
  creditLimitPrepaid: 'creditLimit',
  billedTo: 'billing',
};

/** An account as operators see it, and its settings. */
export function accountSettings(app: FastifyInstance, service: Service): void {
  const { db, queue, clock } = service;

  app.get('/admin/accounts/:username', async (request, reply) =>
    sendPage(reply, request.view, await accountPage(service, request, 'summary')),
  );

  for (const tab of ['settings', 'services', 'numbers', 'credentials'] as const) {
    app.get(`/admin/accounts/:username/${tab}`, async (request, reply) =>
      sendPage(reply, request.view, await accountPage(service, request, tab)),
    );
  }

  app.post('/admin/accounts/:username/settings', KEEPS_DRAFT, async (request, reply) => {
    const username = usernameOf(request);
    const fields = formFields(request);
    const { m } = request.view;
    const form = settingsForm(request.view, await describeAccount(db, username));
    if (SETTING_NAMES.some((name) => name in fields && !Object.hasOwn(form, name))) {
      throw roleRefused();
    }
    const again = async (values: Fields, problems: Problems) =>
      sendPage(
        reply,
        request.view,
        await accountPage(service, request, 'settings', { values, problems }),
      );
    const { changes, problems } = readSettings(m, form, fields);
    if (problems) return again(fields, problems);
    // A person who reads an account's mail can recover its password.
    if (changes.email !== undefined && !(await stepUp(service, request, reply))) return reply;
    const actor = administrator(request);
    const shown = readShown(fields);
    try {
      await changeAccount(db, actor, { queue, now: clock(), shown }, username, changes);
    } catch (error) {
      if (error instanceof ChangedMeanwhile) {
        const say = m.changedMeanwhile;
        return again(afterChange(fields, error), changedProblems(form, error, say));
      }
      const { key, text } = problemOf(m, error);
      return again(fields, { [FIELD_OF[key] ?? 'creditLimit']: text });
    }
    return showDone(service, reply, `/admin/accounts/${username}/settings`, 'saved');
  });
}
