import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { removeSecondFactor } from '../../domain/access/second-factor.ts';
import {
  changeRole,
  createStaff,
  type ListedStaff,
  listStaff,
  removeFromStaff,
} from '../../domain/account/administrator.ts';
import { endAllSessions } from '../../domain/account/credentials.ts';
import type { Actor } from '../../domain/audit.ts';
import * as entered from '../../domain/entered-values.ts';
import { Refusal } from '../../domain/refusal.ts';
import { STAFF_ROLES } from '../../domain/role.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { badge, notice, panel } from '../components/blocks.ts';
import { confirmed } from '../components/confirmed.ts';
import { field, select } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { copyable } from '../components/secret.ts';
import { table } from '../components/table.ts';
import { span } from '../components/time.ts';
import { KEEPS_DRAFT, takeDraft } from '../draft.ts';
import { type Problems, problemOf, readFields, statusOf } from '../entered.ts';
import { type Fields, formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone, showOnce, takeShownOnce } from '../shown-once.ts';
import { stepUp } from '../step-up.ts';
import { form, type View } from '../view.ts';
import { accountLink } from './accounts.ts';
import { administrator } from './actor.ts';

const PATH = '/admin/staff';

interface Added {
  username: number;
  password: string;
}

/** The staff: who may do what, is signed in and was here when. All changes require the password. */
export function staffPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, config, clock } = service;

  app.get(PATH, async (request, reply) => {
    const { fields = {} } = (await takeDraft(service, request)) ?? {};
    const added = await takeShownOnce<Added>(service, request);
    return sendPage(reply, request.view, await staffPage(request, fields, {}, added));
  });

  app.post(PATH, KEEPS_DRAFT, async (request, reply) => {
    const { view } = request;
    const fields = formFields(request);
    const { values, problems } = readFields(view.m, fields, {
      name: entered.accountName,
      email: entered.email,
      role: (text) => entered.oneOf(text, STAFF_ROLES),
    });
    if (problems) return sendPage(reply, view, await staffPage(request, fields, problems));
    if (!(await stepUp(service, request, reply))) return reply;
    const tools = { keyring, now: clock(), rate: config.defaultRate, sipRealm: config.sipRealm };
    const { username, password } = await createStaff(db, administrator(request), tools, values);
    return showOnce(service, reply, PATH, { username, password } satisfies Added);
  });

  /** A form that changes one member of the staff. */
  const change = (
    what: string,
    doIt: (actor: Actor, username: number, fields: Fields) => Promise<unknown>,
  ) =>
    app.post(`${PATH}/${what}`, async (request: FastifyRequest, reply: FastifyReply) => {
      const { view } = request;
      const fields = formFields(request);
      const username = /^[0-9]{10}$/.test(fields.username ?? '') ? Number(fields.username) : 0;
      if (username === sessionOf(request).username) {
        throw new Refusal('malformed', 'Another administrator does this');
      }
      if (!(await stepUp(service, request, reply))) return reply;
      try {
        await doIt(administrator(request), username, fields);
      } catch (error) {
        const { text } = problemOf(view.m, error);
        return sendPage(reply, view, await staffPage(request, {}, { role: text }));
      }
      return showDone(service, reply, PATH, 'saved');
    });

  change('role', (actor, username, { role = '' }) =>
    changeRole(db, actor, username, entered.oneOf(role, STAFF_ROLES), clock()),
  );
  change('remove', (actor, username) => removeFromStaff(db, actor, username, clock()));
  change('sessions', (actor, username) => endAllSessions(db, actor, username, clock()));
  change('second-factor', (actor, username) =>
    removeSecondFactor(db, actor, { queue, now: clock() }, username),
  );

  async function staffPage(
    request: FastifyRequest,
    values: Fields,
    problems: Problems,
    added?: Added,
  ): Promise<Page> {
    const { view } = request;
    const m = view.m.operator.staff;
    const staff = await listStaff(db, clock(), config.sessionLife);
    const own = sessionOf(request).username;
    const roles = STAFF_ROLES.map((value) => ({ value, label: view.m.operator.roles[value] }));
    const fields = html`<div class="form-grid">
${field({ name: 'name', label: m.name, value: values.name, problem: problems.name, autocomplete: 'off', required: true })}
${field({ name: 'email', label: m.email, value: values.email, problem: problems.email, autocomplete: 'off', required: true })}
${select({ name: 'role', label: m.role, value: values.role ?? 'support', problem: problems.role, hint: m.roleHint, choices: roles })}
</div>
<button>${m.submit}</button>`;
    const content = html`${added && addedPanel(view, added)}
<section class="panel">${staffTable(view, staff, own)}</section>
${panel(m.add, form(view, PATH, fields))}`;
    return { title: m.title, content, status: statusOf(problems) };
  }
}

function addedPanel(view: View, { username, password }: Added): Html {
  const m = view.m.operator;
  return html`${notice('warn', m.account.addedOnce)}
${panel(
  m.account.newCredentials,
  html`${copyable(view, 'username', m.account.username, String(username))}
${copyable(view, 'password', m.account.password, password)}`,
)}`;
}

function staffTable(view: View, staff: ListedStaff[], own: number): Html {
  const m = view.m.operator.staff;
  return table<ListedStaff>(view, {
    caption: m.title,
    rows: staff,
    columns: [
      { label: m.username, cell: ({ username }) => accountLink(username) },
      { label: m.name, cell: ({ name }) => freeText(name), onPhone: true },
      { label: m.role, cell: ({ role }) => view.m.operator.roles[role], onPhone: true },
      {
        label: m.secondFactor,
        cell: ({ secondFactor }) => (secondFactor ? badge('good', m.on) : badge('warn', m.off)),
      },
      { label: m.sessions, cell: ({ sessions }) => view.m.count(sessions), numeric: true },
      { label: m.seen, cell: ({ lastSeenAt }) => seen(view, lastSeenAt) },
      {
        label: '',
        cell: (one) => (one.username === own ? badge('plain', m.you) : actions(view, one)),
      },
    ],
  });
}

function seen(view: View, at: Date | null): Html {
  if (!at) return html`${view.m.operator.staff.never}`;
  const seconds = Math.max(0, (view.now.getTime() - at.getTime()) / 1_000);
  const text = seconds < 60 ? view.m.operator.staff.justNow : view.m.ago(span(seconds, view.m));
  return html`<time datetime="${at.toISOString()}" title="${at.toISOString()}">${text}</time>`;
}

function actions(view: View, { username, name, role, sessions, secondFactor }: ListedStaff): Html {
  const m = view.m.operator.staff;
  const fields = html`<input type="hidden" name="username" value="${username}">`;
  const roles = STAFF_ROLES.map(
    (value) =>
      html`<option value="${value}"${value === role && html` selected`}>${view.m.operator.roles[value]}</option>`,
  );
  const newRole = form(
    view,
    `${PATH}/role`,
    html`${fields}<label class="unseen" for="role-${username}">${m.roleOf(name)}</label>
<select id="role-${username}" name="role" class="small">${roles}</select>
<button class="quiet small">${m.changeRole}</button>`,
    'inline-form',
  );
  const options = { fields, small: true };
  return html`<details class="more"><summary class="button quiet small">${m.change}</summary>
${newRole}
${sessions > 0 && confirmed(view, `${PATH}/sessions`, m.endSessions, options)}
${secondFactor && confirmed(view, `${PATH}/second-factor`, m.removeSecondFactor, options)}
${confirmed(view, `${PATH}/remove`, m.remove, options)}</details>`;
}
