import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import { LANGUAGES, type Language } from '../../language.ts';
import { de } from './de.ts';
import { en, type Messages } from './en.ts';

export type { Messages } from './en.ts';

/** What the pages speak. */
export const MESSAGES: Record<Language, Messages> = { en, de };

/** The languages by their own names, as choices of a form. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', de: 'Deutsch' };

/**
 * The texts for whoever asks: in the language of the account, else in that of the browser (RFC 9110,
 * 12.5.4), else in that of the installation.
 */
export function messagesFor(
  account: { language: Language | null } | undefined,
  headers: IncomingHttpHeaders,
  installation: Language,
): Messages {
  if (account?.language) return MESSAGES[account.language];
  // The browser takes any of those that it asks for; without its word, the first one is meant.
  const others = LANGUAGES.filter((language) => language !== installation);
  const [best] = new Negotiator({ headers }).languages([installation, ...others]);
  return MESSAGES[LANGUAGES.find((language) => language === best) ?? installation];
}
