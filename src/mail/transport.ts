import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Transporter } from 'nodemailer';
import type { Logo } from '../brand.ts';
import { LOGO_ID } from './letter-html.ts';

export interface OutgoingMail {
  /** id of the queued job; it shows that a mail was sent twice */
  id: string;
  from: string;
  to: { name: string; address: string };
  subject: string;
  text: string;
  html: string;
  /** the logo that the HTML refers to */
  logo: Logo | undefined;
}

export interface MailTransport {
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

const SMTP_TIMEOUT_MS = 20_000;

/** @param url such as `smtp://user:password@mail.example.net:587` */
export function smtpTransport(url: string): MailTransport {
  const options = {
    url,
    // Without TLS the password would be readable on the network.
    requireTLS: new URL(url).password !== '',
    pool: true as const,
    maxConnections: 2,
    connectionTimeout: SMTP_TIMEOUT_MS,
    greetingTimeout: SMTP_TIMEOUT_MS,
    socketTimeout: SMTP_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  let transport: Transporter | undefined;
  return {
    send: async (mail) => {
      // Loading takes long, and mails may not be needed for days.
      const { createTransport } = await import('nodemailer');
      transport ??= createTransport(options);
      await transport.sendMail(compose(mail));
    },
    close: () => transport?.close(),
  };
}

/** A mail as the bytes of a message. */
export async function composeMessage(mail: OutgoingMail): Promise<Buffer> {
  const { createTransport } = await import('nodemailer');
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const { message } = await composer.sendMail(compose(mail));
  return message as Buffer;
}

/** Writes each mail as `<job id>.eml` into a folder: complete, private, and once per job. */
export function folderTransport(folder: string): MailTransport {
  return {
    send: async (mail) => {
      const message = await composeMessage(mail);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `${mail.id}.eml`);
      const file = await open(`${path}.part`, 'w', 0o600);
      try {
        await file.writeFile(message);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.part`, path);
    },
    close: () => undefined,
  };
}

function compose({ id, from, to, subject, text, html, logo }: OutgoingMail) {
  return {
    from,
    to,
    subject,
    text,
    html,
    messageId: `<${id}@account-api>`,
    attachments: logo
      ? [{ cid: LOGO_ID, content: logo.bytes, contentType: logo.type, filename: false as const }]
      : [],
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}
