/** The languages of pages and mails, by their codes of ISO 639-1. */
export const LANGUAGES = ['en', 'de'] as const;

export type Language = (typeof LANGUAGES)[number];
