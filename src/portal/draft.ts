import type { FastifyRequest } from 'fastify';
import { keepForPage, takeForPage } from '../domain/access/kept-for-page.ts';
import type { Service } from '../service.ts';
import { isFormToken } from './form-token.ts';
import { type Fields, formFields } from './input.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * the form says that its content is kept if its session has ended; the page must call
     * `takeDraft`
     */
    keepsDraft?: boolean;
  }
}

/** Options for the route of a form that keeps its typed fields. Its own fields hold no secret. */
export const KEEPS_DRAFT = { config: { keepsDraft: true } };

// The fields of the step-up page, and the token.
const NOT_KEPT = ['current', 'second_factor', 'form_token'];
// The sign-in form carries it; that form's limit is 16 KiB.
const LONGEST_SENT = 8_192;
const KEPT_AS = 'draft';

/** The typed fields of a form. */
export interface Draft {
  /** the path that receives the form */
  action: string;
  fields: Fields;
}

/**
 * The typed fields of a form that was sent without a session. The sign-in form carries them in a
 * hidden field; '' if there is nothing to keep.
 */
export function draftOf(request: FastifyRequest): string {
  if (!request.routeOptions.config.keepsDraft) return '';
  const { form_token: token, ...typed } = formFields(request);
  if (!token) return '';
  const fields = Object.fromEntries(
    Object.entries(typed).filter(([name]) => !NOT_KEPT.includes(name)),
  );
  const text = JSON.stringify({ action: request.view.path, token, fields });
  return encodeURIComponent(text).length > LONGEST_SENT ? '' : text;
}

/**
 * Keeps a draft for its page after signing in. A draft of another account, or from another site, is
 * dropped.
 * @param text of `draftOf`, as the browser sent it
 * @returns whether it is kept
 */
export async function keepDraft(
  { db, keyring, clock }: Service,
  request: FastifyRequest,
  username: number,
  text: string,
): Promise<boolean> {
  const sent = read(text);
  if (!sent || !isFormToken(keyring, sent.token, request.device, username)) return false;
  const { action, fields } = sent;
  await keepForPage(
    db,
    keyring,
    { sessionId: request.sessionId, path: KEPT_AS, now: clock() },
    { action, fields },
  );
  return true;
}

/**
 * The typed fields of a form on the requested page. They are returned once, after signing in again.
 */
export async function takeDraft(
  { db, keyring, clock }: Service,
  request: FastifyRequest,
): Promise<Draft | undefined> {
  if (request.method !== 'GET') return undefined;
  const { path } = request.view;
  const draft = await takeForPage<Draft>(db, keyring, {
    sessionId: request.sessionId,
    path: KEPT_AS,
    now: clock(),
  });
  return draft && `${draft.action}/`.startsWith(`${path}/`) ? draft : undefined;
}

function read(text: string): (Draft & { token: string }) | undefined {
  try {
    const { action, token, fields } = JSON.parse(text);
    const texts = [action, token, ...Object.values(fields)];
    return texts.every((value) => typeof value === 'string')
      ? { action, token, fields }
      : undefined;
  } catch {
    return undefined;
  }
}
