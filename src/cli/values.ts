import { Argument, InvalidArgumentError, Option } from 'commander';
import { OVERLAP_HOURS } from '../domain/access/secret-overlap.ts';
import { type AccountSettingName, readSetting } from '../domain/account/account-setting.ts';
import * as entered from '../domain/entered-values.ts';
import { wordProblem } from '../domain/problem.ts';
import { PROBLEM_WORDS } from '../domain/problem-words.ts';
import { typesOf } from '../domain/webhook/endpoint.ts';

/** A number; ten digits, the first from 1 to 9, or it is wrong usage. */
export const usernameArgument = () =>
  new Argument('<username>', 'ten-digit username of the account').argParser(username);

/** From 1 to 1000. @param fallback what it is if left out */
export const limitOption = (fallback: number) =>
  new Option('--limit <n>', 'how many at most')
    .argParser((text: string) => wholeNumber(text, 1, 1_000))
    .default(fallback);

export const username = argument(entered.username);
export const wholeNumber = argument(entered.wholeNumber);
export const recordId = argument(entered.recordId);
export const amount = argument(entered.amount);
export const monthlyAmount = argument(entered.monthlyAmount);
export const listName = argument(entered.listName);
export const prefix = argument(entered.prefix);
export const assignableNumber = argument(entered.assignableNumber);
export const accountName = argument(entered.accountName);
export const email = argument(entered.email);
export const timeZone = argument(entered.timeZone);
export const country = argument(entered.country);
export const month = argument(entered.month);
export const reference = argument(entered.reference);
export const sipUser = argument(entered.sipUser);
export const scopes = argument(entered.scopes);
export const subscriptions = argument(entered.subscriptions);
export const eventTypes = argument((text: string) => entered.subscriptions(text).flatMap(typesOf));
export const eventNumber = argument((text: string) =>
  entered.wholeNumber(text, 0, Number.MAX_SAFE_INTEGER),
);
export const words = argument(entered.words);
export const serviceDescription = argument(entered.serviceDescription);
export const promotionCode = argument(entered.promotionCode);
export const from = argument(entered.from);
export const until = argument(entered.until);
export const feedName = argument(entered.feedName);

/** What one option of `account set` changes. */
export const setting = argument((text: string, name: AccountSettingName) =>
  readSetting(name, text),
);

/** For what may be given several times; commander passes the earlier values. */
export function several<Value>(read: (text: string) => Value) {
  return (text: string, before: Value[] = []): Value[] => [...before, read(text)];
}

export const networks = several(argument(entered.network));
export const usernames = several(username);

/** Reports a wrong value in the form that commander expects. */
function argument<More extends unknown[], Value>(
  read: (text: string, ...more: More) => Value,
): (text: string, ...more: More) => Value {
  return (text, ...more) => {
    try {
      return read(text, ...more);
    } catch (error) {
      if (!(error instanceof entered.InvalidValue)) throw error;
      throw new InvalidArgumentError(wordProblem(PROBLEM_WORDS, error.problem));
    }
  };
}

/** How long the replaced secret is accepted together with the new one. */
export const overlapOption = () =>
  new Option('--overlap-hours <n>', `0 to ${OVERLAP_HOURS.most}`)
    .argParser((text: string) => wholeNumber(text, 0, OVERLAP_HOURS.most))
    .default(OVERLAP_HOURS.usual);
