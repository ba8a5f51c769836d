import type { Brand } from '../brand.ts';
import type { ChargeSummary } from '../domain/message.ts';
import { type Html, html } from '../html.ts';

/** What every mail needs to know of the service that sends it. */
export interface Sender {
  /** without a slash at the end */
  publicUrl: string;
  brand: Brand;
}

export interface Wording {
  subject: string;
  text: string;
  html: string;
}

interface Letter {
  subject: string;
  name: string;
  paragraphs: string[];
  links: { label: string; url: string }[];
  closing: string[];
}

export function verificationMail(
  sender: Sender,
  to: { name: string; username: number; token: string },
): Wording {
  return letter(sender, {
    subject: `Verify your e-mail address for ${sender.brand.name}`,
    name: to.name,
    paragraphs: [
      `Your account ${to.username} was created. Please confirm that this is your e-mail address:`,
    ],
    links: [{ label: 'Verify my address', url: link(sender, 'verify', to.token) }],
    closing: [
      'The link works once, for 24 hours.',
      'If you did not sign up, you need not do anything.',
    ],
  });
}

export function recoveryMail(
  sender: Sender,
  to: { name: string; links: { username: number; token: string }[] },
): Wording {
  return letter(sender, {
    subject: `Reset your ${sender.brand.name} password`,
    name: to.name,
    paragraphs: ['Someone, hopefully you, asked to recover the password. Choose a new one here:'],
    links: to.links.map(({ username, token }) => ({
      label: `New password for account ${username}`,
      url: link(sender, 'reset', token),
    })),
    closing: [
      'A link works once, for 30 minutes.',
      'If you did not ask for it, you need not do anything; your password stays as it is.',
    ],
  });
}

export function accountExistsMail(
  sender: Sender,
  to: { name: string; usernames: number[] },
): Wording {
  return letter(sender, {
    subject: `You have a ${sender.brand.name} account already`,
    name: to.name,
    paragraphs: [
      'Someone, hopefully you, wanted to create an account with this e-mail address. ' +
        `You have ${to.usernames.length === 1 ? 'one' : 'some'} already: ` +
        `${to.usernames.join(', ')}.`,
    ],
    links: [
      { label: 'Sign in', url: `${sender.publicUrl}/sign-in` },
      { label: 'Choose a new password', url: `${sender.publicUrl}/recover` },
    ],
    closing: ['If it was not you, you need not do anything; nothing was changed.'],
  });
}

export function passwordChangedMail(
  sender: Sender,
  to: { name: string; username: number },
): Wording {
  return letter(sender, {
    subject: `Your ${sender.brand.name} password was changed`,
    name: to.name,
    paragraphs: [
      `The password of your account ${to.username} was changed. ` +
        'Its old API key no longer works; programs that use it need the new one.',
      'If it was not you, recover your password at once and tell us.',
    ],
    links: [],
    closing: [],
  });
}

export function lowBalanceMail(
  sender: Sender,
  to: { name: string; username: number; cash: string; threshold: number },
): Wording {
  return letter(sender, {
    subject: `Your ${sender.brand.name} balance is low`,
    name: to.name,
    paragraphs: [
      `The balance of your account ${to.username} is $${to.cash}, ` +
        `which is below the $${to.threshold} at which you asked to be told.`,
    ],
    links: [],
    closing: ['Calls stop when it is used up.'],
  });
}

export function monthlyChargeMail(
  sender: Sender,
  to: {
    name: string;
    username: number;
    month: string;
    amount: string;
    cash: string;
    lines: ChargeSummary[];
  },
): Wording {
  return letter(sender, {
    subject: `Your ${sender.brand.name} charges for ${to.month}`,
    name: to.name,
    paragraphs: [
      `The monthly charges of your account ${to.username} for ${to.month} were posted:`,
      ...to.lines.map(
        ({ service = 'Phone numbers', month, count, amount }) =>
          `${service}${count > 1 ? ` (${count})` : ''}, ${month}: $${amount}`,
      ),
      `Together $${to.amount}. Your balance is now $${to.cash}.`,
    ],
    links: [],
    closing: [],
  });
}

function link(sender: Sender, page: 'verify' | 'reset', token: string): string {
  return `${sender.publicUrl}/${page}?token=${token}`;
}

function letter(sender: Sender, content: Letter): Wording {
  const { subject, name, paragraphs, links, closing } = content;
  const text = [
    `Hello ${name},`,
    ...paragraphs,
    ...links.map(({ label, url }) => `${label}:\n${url}`),
    ...closing,
    `${sender.brand.name}\n${sender.publicUrl}`,
  ].join('\n\n');
  const paragraph = (content: string | Html) => html`<p style="margin:0 0 16px">${content}</p>`;
  const button = ({ label, url }: { label: string; url: string }) =>
    html`<a href="${url}" style="display:inline-block;padding:10px 18px;border-radius:6px;background:${sender.brand.light.fill};color:${sender.brand.light.onFill};text-decoration:none">${label}</a>`;
  const page = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${subject}</title></head>
<body style="margin:0;padding:24px;background:#f4f4f5;font:16px/1.5 system-ui,sans-serif;color:#18181b">
<div style="max-width:560px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px">
${paragraph(`Hello ${name},`)}
${paragraphs.map(paragraph)}
${links.map((item) => paragraph(button(item)))}
${closing.map(paragraph)}
<p style="margin:24px 0 0;color:#52525b">${sender.brand.name}<br><a href="${sender.publicUrl}" style="color:#52525b">${sender.publicUrl}</a></p>
</div>
</body>
</html>
`;
  return { subject, text: `${text}\n`, html: page.text };
}
