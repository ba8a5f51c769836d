import { en } from './en.ts';

/** Every text of the pages; another language is one more object of this type. */
export type Messages = typeof en;

/** What the pages speak. */
export const messages: Messages = en;
