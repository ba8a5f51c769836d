import { Argument, type Command, Option } from 'commander';
import {
  changeRole,
  createStaff,
  listStaff,
  removeFromStaff,
} from '../domain/account/administrator.ts';
import { STAFF_ROLES, type StaffRole } from '../domain/role.ts';
import { command, operator, perform } from './operation.ts';
import { fields, moment, table } from './print.ts';
import * as values from './values.ts';

/** `admin`: the staff. The password and API key of a new member are printed this once. */
export function adminCommands(group: Command): void {
  const create = command(
    group,
    'create',
    'make one more account of the staff',
    "admin create --name 'Night shift' --email night@example.com",
  )
    .option('--name <text>', 'name of the account', values.accountName, 'Administrator')
    .option('--email <address>', 'its e-mail address (default: ADMIN_EMAIL)', values.email)
    .addOption(
      new Option('--role <role>', 'what it may do on the pages')
        .choices(STAFF_ROLES)
        .default('administrator'),
    );
  perform(create, async (service, options: { name: string; email?: string; role: StaffRole }) => {
    const { db, keyring, clock, config } = service;
    const credentials = await createStaff(
      db,
      operator(),
      { keyring, now: clock(), rate: config.defaultRate, sipRealm: config.sipRealm },
      { name: options.name, email: options.email ?? config.adminEmail, role: options.role },
    );
    const { username, password, apikey } = credentials;
    const text = fields([
      ['Username', username],
      ['Role', options.role],
      ['Password', password],
      ['API key', apikey],
    ]);
    return {
      json: { username, role: options.role, password, apikey },
      text: `The new account of the staff, shown this once:\n${text}`,
    };
  });

  const list = command(
    group,
    'list',
    'the staff: who may do what, and was here when',
    'admin list',
  );
  perform(list, async ({ db, config, clock }) => {
    const administrators = await listStaff(db, clock(), config.sessionLife);
    const rows = administrators.map(({ username, name, email, role, secondFactor, ...staff }) => [
      username,
      name,
      email,
      role,
      secondFactor ? 'on' : 'off',
      staff.sessions,
      moment(staff.lastSeenAt, 'never'),
      moment(staff.createdAt),
    ]);
    const titles = ['USERNAME', 'NAME', 'E-MAIL', 'ROLE', 'SECOND FACTOR', '>SIGNED IN'];
    const text = table([...titles, 'LAST SEEN', 'CREATED'], rows);
    return { json: { administrators }, text };
  });

  const role = command(
    group,
    'role',
    'give a member of the staff another role',
    'admin role 2345678901 support',
  )
    .addArgument(values.usernameArgument())
    .addArgument(new Argument('<role>', 'what it may do on the pages').choices(STAFF_ROLES));
  perform(role, async ({ db, clock }, username: number, to: StaffRole) => {
    await changeRole(db, operator(), username, to, clock());
    return { json: { username, role: to }, text: `${username} has the role ${to}.` };
  });

  const remove = command(
    group,
    'remove',
    'make a member of the staff a customer, whose account stays',
    'admin remove 2345678901',
  ).addArgument(values.usernameArgument());
  perform(remove, async ({ db, clock }, username: number) => {
    await removeFromStaff(db, operator(), username, clock());
    return {
      json: { username },
      text: `${username} is not of the staff any more; the account stays a customer's.`,
    };
  });
}
