import { addAccount, type CreatedAccount } from '../../domain/account/new-account.ts';
import { staffAt } from '../../domain/audit.ts';
import { emailField, nameField, usernameField } from '../../http/fields.ts';
import type { Call } from '../../http/operation.ts';
import { type Static, type TObject, Type } from '../../http/schema.ts';

/** The fields of a new account that an administrator adds. */
export const addAccountFields = {
  name: nameField,
  username: usernameField('Username of the new account'),
  email: emailField,
  masterAccount: Type.Optional(
    usernameField(
      'Billing account, which must pay for itself; left out, the account pays for itself',
    ),
  ),
};

type Asked = Omit<Call<TObject<typeof addAccountFields>>, 'body'> & {
  body: Static<TObject<typeof addAccountFields>>;
};

/** Adds the account that an administrator asks for. @throws the refusals of `addAccount` */
export async function addAskedAccount({
  service: { db, keyring, config, clock },
  body,
  caller,
  clientAddress,
}: Asked): Promise<CreatedAccount> {
  const username = Number(body.username);
  const actor = staffAt('administrator', (await caller()).username, `api ${clientAddress}`);
  return addAccount(db, actor, keyring, {
    name: body.name,
    username,
    email: body.email,
    masterAccount: Number(body.masterAccount ?? username),
    role: 'customer',
    rate: config.defaultRate,
    limits: config.newLimits,
    sipRealm: config.sipRealm,
    now: clock(),
  });
}
