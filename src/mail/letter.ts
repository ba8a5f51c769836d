import type { Brand } from '../brand.ts';
import type { Currency } from '../currency.ts';
import type { Language } from '../language.ts';
import type { LetterTexts, MailTexts } from './texts.ts';

/** The facts about the sending service that a mail needs. */
export interface Speaker {
  /** without a slash at the end */
  publicUrl: string;
  brand: Brand;
  currency: Currency;
  texts: MailTexts;
}

/** The service that sends mails, with its words in each language. */
export interface Sender extends Omit<Speaker, 'texts'> {
  texts: Record<Language, MailTexts>;
  /** of mails to accounts that have not chosen a language */
  language: Language;
}

export interface Wording {
  subject: string;
  text: string;
  html: string;
}

/** The content of a letter without its texts. */
export interface LetterContent {
  /** in place of the texts' placeholders */
  values: Record<string, string>;
  links: { label: string; url: string }[];
  /** names and values, such as the time and address of a change */
  facts: [string, string][];
  /** the charged items and their amounts; the last row is the sum */
  bill: [string, string][];
}

/** A letter with every placeholder filled in. */
export interface FilledLetter extends Omit<LetterContent, 'values'> {
  subject: string;
  preview: string;
  greeting: string;
  paragraphs: string[];
  closing: string[];
  fallback: string;
  help: string | undefined;
  footer: string[];
}

/** @throws RangeError if a text has a placeholder without a value */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new RangeError(`nothing is known for {${name}}`);
    return value;
  });
}

/** Fills all placeholders in a letter's texts. @throws RangeError as `fill` does */
export function fillIn(
  { publicUrl, brand, texts: { common } }: Speaker,
  { subject, preview, paragraphs, closing }: LetterTexts,
  greeting: string,
  { values: own, ...content }: LetterContent,
): FilledLetter {
  const support = [brand.supportEmail, brand.supportUrl].filter((way) => way !== undefined);
  const values = {
    ...own,
    brand: brand.name,
    portal: publicUrl,
    support: support.length > 0 ? support.join(` ${common.labels.or} `) : publicUrl,
  };
  const filled = (text: string) => fill(text, values);
  return {
    ...content,
    subject: filled(subject),
    preview: filled(preview),
    greeting: filled(greeting),
    paragraphs: paragraphs.map(filled),
    closing: closing.map(filled),
    fallback: filled(common.fallback),
    help: support.length > 0 ? filled(common.help) : undefined,
    footer: common.footer.map(filled),
  };
}
