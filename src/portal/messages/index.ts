import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import { LANGUAGES, type Language } from '../../language.ts';
import { de } from './de.ts';
import { en } from './en.ts';

/** Every text of the pages; another language is one more object of this type. */
export type Messages = typeof en;

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
  return MESSAGES[account?.language ?? ofBrowser(headers) ?? installation];
}

function ofBrowser(headers: IncomingHttpHeaders): Language | undefined {
  if (!headers['accept-language']?.match(/[a-z]/i)) return undefined;
  const known = new Negotiator({ headers }).languages([...LANGUAGES]);
  return LANGUAGES.find((language) => language === known[0]);
}
