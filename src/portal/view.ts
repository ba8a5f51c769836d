import type { FastifyRequest } from 'fastify';
import type { Currency } from '../currency.ts';
import type { Session } from '../domain/access/session.ts';
import { mayDo, type Permission } from '../domain/role.ts';
import { type Html, html } from '../html.ts';
import type { Service } from '../service.ts';
import { type ShownBrand, showBrand } from './assets.ts';
import { type Messages, messagesFor } from './messages/index.ts';

/** The data for every page of one request. */
export interface View {
  m: Messages;
  brand: ShownBrand;
  /** of all amounts */
  currency: Currency;
  /** the requested path */
  path: string;
  session: Session | undefined;
  /** in every form that changes something; `form` puts it there */
  formToken: string;
  /** the name of the previous form's result, in `m.flash` */
  flash: string | undefined;
  clearFlash: () => void;
  now: Date;
}

/** The zone that times are shown in. */
export function zoneOf(view: View): string {
  return view.session?.timeZone ?? 'UTC';
}

/** Whether the role of the account that is signed in permits things of a kind. */
export function may({ session }: View, permission: Permission): boolean {
  return session !== undefined && mayDo(session.role, permission);
}

/** A form that changes something. */
export function form(
  view: View,
  action: string,
  content: Html,
  className?: string,
  options: { takesFile?: boolean } = {},
): Html {
  return html`<form method="post" action="${action}"${className && html` class="${className}"`}${options.takesFile && html` enctype="multipart/form-data"`}>
<input type="hidden" name="form_token" value="${view.formToken}">
${content}
</form>`;
}

/** The view for pages whose visitor is not known. */
export function visitorView({ config, clock }: Service): (request: FastifyRequest) => View {
  const brand = showBrand(config.brand);
  return ({ headers }) => ({
    m: messagesFor(undefined, headers, config.language),
    brand,
    currency: config.currency,
    path: '',
    session: undefined,
    formToken: '',
    flash: undefined,
    clearFlash: () => undefined,
    now: clock(),
  });
}
