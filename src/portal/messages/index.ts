import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import { LANGUAGES, type Language } from '../../language.ts';
import { de } from './de.ts';
import { en, type Messages } from './en.ts';

export type { Messages } from './en.ts';

/** The texts of the pages in each language. */
export const MESSAGES: Record<Language, Messages> = { en, de };

/** The languages by their own names, for forms. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', de: 'Deutsch' };

/**
 * The texts in the language of the account, else of the browser (RFC 9110, 12.5.4), else of the
 * installation.
 */
export function messagesFor(
  account: { language: Language | null } | undefined,
  headers: IncomingHttpHeaders,
  installation: Language,
): Messages {
  if (account?.language) return MESSAGES[account.language];
  // A browser gets any language that it asks for; without such a header, the first one is used.
  const others = LANGUAGES.filter((language) => language !== installation);
  const [best] = new Negotiator({ headers }).languages([installation, ...others]);
  return MESSAGES[LANGUAGES.find((language) => language === best) ?? installation];
}
