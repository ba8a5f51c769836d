import type { FastifyRequest } from 'fastify';
import { secondFactorState } from '../../domain/access/second-factor.ts';
import { listSessions } from '../../domain/access/session.ts';
import { type AccountDetails, describeAccount } from '../../domain/account/account-directory.ts';
import { waitingAddressChange } from '../../domain/account/address-change.ts';
import { TOKEN_LIFE_SECONDS } from '../../domain/account/token.ts';
import { type Html, html } from '../../html.ts';
import { LANGUAGES } from '../../language.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { notice, panel } from '../components/blocks.ts';
import { checkbox, field, select } from '../components/field.ts';
import { inCurrency } from '../components/money.ts';
import { newPasswordFields } from '../components/new-password.ts';
import { passwordField } from '../confirm.ts';
import type { Fields } from '../input.ts';
import type { Page } from '../layout.ts';
import { LANGUAGE_NAMES } from '../messages/index.ts';
import { refilled, type SettingsForm, shownInput, shownSettings } from '../settings-form.ts';
import { form, type View } from '../view.ts';
import { addressPanel, type RefusedAddress } from './address-panel.ts';
import { secondFactorPanel } from './second-factor.ts';
import { sessionsPanel } from './sessions-panel.ts';
import { TIME_ZONES } from './time-zones.ts';

export const PROFILE_FORM: SettingsForm = {
  name: 'name',
  caller_id: 'callerId',
  time_zone: 'timeZone',
  language: 'language',
};
export const WARNING_FORM: SettingsForm = {
  notify: 'notify',
  threshold: 'notifyThreshold',
};

type Problems = Record<string, string | undefined>;

/** The typed values that were not saved, and the problem of each field. */
export interface Refused {
  /** the form that was sent; undefined: the password's */
  form?: SettingsForm;
  typed?: Fields | undefined;
  problems?: Problems;
  address?: RefusedAddress;
}

/** @param refused a form's problems; with them the page has the status 400 */
export async function settingsPage(
  { db, config }: Service,
  request: FastifyRequest,
  refused: Refused = {},
): Promise<Page> {
  const { view } = request;
  const session = sessionOf(request);
  const since = new Date(view.now.getTime() - TOKEN_LIFE_SECONDS['address after'] * 1_000);
  const [account, sessions, factor, change] = await Promise.all([
    describeAccount(db, session.username),
    listSessions(db, session.username, view.now, config.sessionLife),
    secondFactorState(db, session.username),
    waitingAddressChange(db, session.username, since),
  ]);
  const content = html`<div class="columns">
${profilePanel(view, account, refused, config.callerIdAny)}
${warningPanel(view, account, refused)}
${addressPanel(view, account.email, change, refused.address)}
${passwordPanel(view, refused)}
${secondFactorPanel(view, factor)}
</div>
${sessionsPanel(view, sessions, session)}`;
  const status = refused.problems || refused.address ? 400 : 200;
  return { title: view.m.navigation.settings, content, status };
}

function profilePanel(
  view: View,
  account: AccountDetails,
  refused: Refused,
  callerIdAny: boolean,
): Html {
  const m = view.m.settings;
  const { values, shown, problems } = filled(PROFILE_FORM, account, refused);
  const known = TIME_ZONES.includes(account.timeZone);
  const zones = known ? TIME_ZONES : [account.timeZone, ...TIME_ZONES];
  const languages = [
    { value: '', label: m.languageOfBrowser },
    ...LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] })),
  ];
  const fields = html`${shownInput(shown)}
${field({ name: 'name', label: view.m.fields.name, value: values.name, required: true, maxLength: 100, autocomplete: 'organization', problem: problems.name })}
${field({ name: 'caller_id', label: m.callerId, type: 'tel', value: values.caller_id, hint: callerIdAny ? m.callerIdAnyHint : m.callerIdHint, maxLength: 20, autocomplete: 'off', problem: problems.caller_id })}
${select({ name: 'time_zone', label: m.timeZone, value: values.time_zone, hint: m.timeZoneHint, problem: problems.time_zone, choices: zones.map((zone) => ({ value: zone, label: zone.replaceAll('_', ' ') })) })}
${select({ name: 'language', label: m.language, value: values.language, hint: m.languageHint, problem: problems.language, choices: languages })}
<button>${m.save}</button>`;
  return panel(m.profile, form(view, '/settings/profile', fields));
}

function warningPanel(view: View, account: AccountDetails, refused: Refused): Html {
  const m = view.m.settings;
  if (account.masterAccount !== account.username) {
    return panel(m.warning, notice('info', m.warnedOther(account.masterAccount)));
  }
  const { values, shown, problems } = filled(WARNING_FORM, account, refused);
  const fields = html`${shownInput(shown)}
${checkbox({ name: 'notify', label: m.notify, checked: values.notify === 'on', problem: problems.notify })}
${field({ name: 'threshold', label: inCurrency(view, m.threshold), value: values.threshold, inputMode: 'numeric', required: true, hint: m.thresholdHint(account.email), problem: problems.threshold })}
<button>${m.save}</button>`;
  return panel(m.warning, form(view, '/settings/warning', fields));
}

/** The content of one of the page's forms; a refusal concerns one form only. */
function filled(form: SettingsForm, account: AccountDetails, refused: Refused) {
  const own = refused.form === form ? refused : {};
  return {
    ...refilled(form, shownSettings(form, account), own.typed),
    problems: own.problems ?? {},
  };
}

function passwordPanel(view: View, { problems }: Refused): Html {
  const m = view.m.settings;
  const username = view.session?.username ?? 0;
  const fields = html`${passwordField(view, 'current', problems?.current !== undefined)}
${newPasswordFields(view, username, problems?.password)}
<button>${m.changePassword}</button>
<p class="hint">${m.passwordHint}</p>`;
  return panel(m.password, form(view, '/settings/password', fields));
}
