import type { Brand } from '../brand.ts';
import type { Language } from '../language.ts';
import type { LetterTexts, MailTexts } from './texts.ts';

/** What a mail needs to know of the service that sends it. */
export interface Speaker {
  /** without a slash at the end */
  publicUrl: string;
  brand: Brand;
  texts: MailTexts;
}

/** The service that sends mails, with its words in each language. */
export interface Sender extends Omit<Speaker, 'texts'> {
  texts: Record<Language, MailTexts>;
  /** of mails to accounts that have chosen none */
  language: Language;
}

export interface Wording {
  subject: string;
  text: string;
  html: string;
}

/** What a letter says besides its texts. */
export interface LetterContent {
  /** in place of the texts' placeholders */
  values: Record<string, string>;
  links: { label: string; url: string }[];
  /** names and values, such as when and from where something was changed */
  facts: [string, string][];
  /** what is charged, and for how much; the last row is the sum */
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

/** @throws RangeError where a text has a placeholder that the letter has no value for */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new RangeError(`nothing is known for {${name}}`);
    return value;
  });
}

/** Fills every placeholder of a letter's texts in. @throws RangeError as `fill` does */
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
