import type { Command } from 'commander';
import { removeSecondFactor } from '../domain/access/second-factor.ts';
import { renewKey, renewPassword, replaceSipSecret } from '../domain/account/credentials.ts';
import { command, type Output, operator, perform } from './operation.ts';
import { fields } from './print.ts';
import * as values from './values.ts';

const SAMPLE = '2345678901';

/** The commands that replace credentials of an account. */
export function credentials(group: Command): void {
  password(group);
  rotateKey(group);
  sipSecret(group);
  noSecondFactor(group);
}

function password(group: Command): void {
  const on = command(
    group,
    'password',
    'give an account a new generated password, and with it a new API key',
    `account password ${SAMPLE}`,
  ).addArgument(values.usernameArgument());
  const output = (username: number, renewed: { password: string; apikey: string }): Output => {
    const text = fields([
      ['Username', username],
      ['Password', renewed.password],
      ['API key', renewed.apikey],
    ]);
    return {
      json: { username, ...renewed },
      text: `New credentials, shown this once; the old ones no longer work:\n${text}`,
      note: `Phones keep their SIP secret; replace it with: npx account-api account sip-secret ${username}`,
    };
  };
  perform(
    on,
    async ({ db, keyring, queue, clock }, username: number) => {
      const tools = { keyring, queue, now: clock() };
      return output(username, await renewPassword(db, operator(), tools, username));
    },
    async (remote, username) =>
      output(username, await remote.post(`/accounts/${username}/password`)),
  );
}

function rotateKey(group: Command): void {
  const on = command(
    group,
    'rotate-key',
    'give an account a new API key; the old one is refused at once',
    `account rotate-key ${SAMPLE}`,
  ).addArgument(values.usernameArgument());
  const output = (username: number, apikey: string): Output => {
    const text = fields([
      ['Username', username],
      ['API key', apikey],
    ]);
    return {
      json: { username, apikey },
      text: `New API key, shown this once; the old one no longer works:\n${text}`,
    };
  };
  perform(
    on,
    async ({ db, keyring, queue, clock }, username: number) => {
      const tools = { keyring, queue, now: clock() };
      return output(username, await renewKey(db, operator(), tools, username));
    },
    async (remote, username) => {
      const path = `/accounts/${username}/api-key`;
      return output(username, (await remote.post<{ apikey: string }>(path)).apikey);
    },
  );
}

function sipSecret(group: Command): void {
  const on = command(
    group,
    'sip-secret',
    'give an account a new SIP secret; phones with the old one are refused from then on',
    `account sip-secret ${SAMPLE}`,
  )
    .addArgument(values.usernameArgument())
    .option('--sip-user <name>', 'the user of its phones, if not the username', values.sipUser);
  perform(on, async (service, username: number, { sipUser: user }: { sipUser?: string }) => {
    const { db, keyring, queue, config, clock } = service;
    const tools = { keyring, realm: config.sipRealm };
    const renewed = await replaceSipSecret(
      db,
      operator(),
      { sip: tools, queue, now: clock() },
      username,
      { user },
    );
    const text = fields([
      ['Username', username],
      ['SIP user', renewed.user],
      ['SIP realm', renewed.realm],
      ['SIP secret', renewed.secret],
    ]);
    return { json: renewed, text: `What its phones are configured with from now on:\n${text}` };
  });
}

function noSecondFactor(group: Command): void {
  const on = command(
    group,
    'no-second-factor',
    'turn the second factor of the portal off, for an owner who has lost it',
    `account no-second-factor ${SAMPLE}`,
  ).addArgument(values.usernameArgument());
  perform(on, async ({ db, queue, clock }, username: number) => {
    const changed = await removeSecondFactor(db, operator(), { queue, now: clock() }, username);
    const text = changed
      ? `${username} signs in by password alone; its owner is told by mail.`
      : `Nothing changed: ${username} has no second factor.`;
    return { json: { username, changed }, text };
  });
}
