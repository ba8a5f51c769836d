import { signUpOperation } from '../common/sign-up.ts';
import { createdAccount, createdAccountExample, createdAccountText } from './created-account.ts';

export const signup = signUpOperation({
  operationId: 'accountSignup',
  success: createdAccount,
  example: createdAccountExample,
  answer: createdAccountText,
});
