import type { FastifyRequest } from 'fastify';
import type { Session } from '../domain/access/session.ts';
import { type Html, html } from '../html.ts';
import type { Service } from '../service.ts';
import { type ShownBrand, showBrand } from './assets.ts';
import { type Messages, messagesFor } from './messages/index.ts';

/** What every page of one request is made from. */
export interface View {
  m: Messages;
  brand: ShownBrand;
  /** the path that was asked for */
  path: string;
  session: Session | undefined;
  /** goes into every form that changes something; `form` puts it there */
  formToken: string;
  /** names what the form before this page did, in `m.flash` */
  flash: string | undefined;
  clearFlash: () => void;
  now: Date;
}

/** The zone that times are shown in. */
export function zoneOf(view: View): string {
  return view.session?.timeZone ?? 'UTC';
}

/** A form that changes something. */
export function form(view: View, action: string, content: Html, className?: string): Html {
  return html`<form method="post" action="${action}"${className && html` class="${className}"`}>
<input type="hidden" name="form_token" value="${view.formToken}">
${content}
</form>`;
}

/** What pages are made from where it is not known who asks. */
export function visitorView({ config, clock }: Service): (request: FastifyRequest) => View {
  const brand = showBrand(config.brand);
  return ({ headers }) => ({
    m: messagesFor(undefined, headers, config.language),
    brand,
    path: '',
    session: undefined,
    formToken: '',
    flash: undefined,
    clearFlash: () => undefined,
    now: clock(),
  });
}
