import { signUpOperation } from '../common/sign-up.ts';
import { createdAccount, createdAccountExample, createdAccountText } from './created-account.ts';

export const signUpAccount = signUpOperation({
  operationId: 'accountCreate',
  once: true,
  success: createdAccount,
  example: createdAccountExample,
  answer: createdAccountText,
});
