import { openMailedToken } from '../domain/account/token.ts';
import { verifiedName } from '../domain/account/verification.ts';
import type { AddressedMessage } from '../domain/mail/message.ts';
import { composeMail } from '../mail/compose.ts';
import type { Sender } from '../mail/letter.ts';
import { mailLogo } from '../mail/letter-html.ts';
import type { MailTransport } from '../mail/transport.ts';
import type { Service } from '../service.ts';

/**
 * Writes the text of a queued mail and passes it to the transport. The mail contains the account's
 * name only if the address is verified: anyone can sign up with another person's address and with
 * any text as the name.
 */
export async function deliverMail(
  { config, db, keyring }: Service,
  transport: MailTransport,
  sender: Sender,
  { id, mail }: { id: string; mail: AddressedMessage },
): Promise<void> {
  const name = await verifiedName(db, mail);
  const wording = await composeMail(sender, { ...mail, name }, (sealed, purpose) =>
    openMailedToken(db, keyring, sealed, purpose),
  );
  await transport.send({
    id,
    from: config.mailFrom,
    to: { name: name ?? '', address: mail.to },
    ...wording,
    logo: mailLogo(sender.brand),
  });
}
