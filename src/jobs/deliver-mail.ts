import type { AddressedMessage, Message } from '../domain/message.ts';
import { openMailedToken } from '../domain/token.ts';
import type { MailTransport } from '../mail/transport.ts';
import {
  accountExistsMail,
  lowBalanceMail,
  monthlyChargeMail,
  passwordChangedMail,
  recoveryMail,
  type Sender,
  verificationMail,
  type Wording,
} from '../mail/wording.ts';
import type { Service } from '../service.ts';

/** Words a queued mail, its tokens unsealed only now, and hands it to the transport. */
export async function deliverMail(
  service: Service,
  transport: MailTransport,
  sender: Sender,
  { id, mail }: { id: string; mail: AddressedMessage },
): Promise<void> {
  const { to, name, message } = mail;
  await transport.send({
    id,
    from: service.config.mailFrom,
    to: { name, address: to },
    ...(await word(service, sender, name, message)),
  });
}

async function word(
  { db, keyring }: Service,
  sender: Sender,
  name: string,
  message: Message,
): Promise<Wording> {
  switch (message.kind) {
    case 'verification': {
      const token = await openMailedToken(db, keyring, message.token, 'verification');
      return verificationMail(sender, { name, username: message.username, token });
    }
    case 'recovery': {
      const links = await Promise.all(
        message.links.map(async ({ username, token }) => ({
          username,
          token: await openMailedToken(db, keyring, token, 'recovery'),
        })),
      );
      return recoveryMail(sender, { name, links });
    }
    case 'account exists':
      return accountExistsMail(sender, { name, ...message });
    case 'password changed':
      return passwordChangedMail(sender, { name, ...message });
    case 'low balance':
      return lowBalanceMail(sender, { name, ...message });
    case 'monthly charge':
      return monthlyChargeMail(sender, { name, ...message });
  }
}
