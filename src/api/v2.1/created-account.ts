import type { CreatedAccount } from '../../domain/account/new-account.ts';
import { Type } from '../../http/schema.ts';

const createdAccountField = Type.Object({
  name: Type.String(),
  username: Type.Integer(),
  password: Type.String(),
  email: Type.String(),
  masterAccount: Type.Integer(),
});

/** The answer of `add` and `signup`: the account, with its password only this once. */
export const createdAccount = { account: createdAccountField, message: Type.String() };

export const createdAccountExample = {
  account: {
    name: 'Example Company',
    username: 4592086960,
    password: 'k7Tq29mXwa',
    email: 'user@example.com',
    masterAccount: 4592086960,
  },
  message: 'Account Information',
};

/** The members of an answer, as JSON text. */
export function createdAccountText(account: CreatedAccount): string {
  return `"account":${JSON.stringify(account)},"message":"Account Information"`;
}
