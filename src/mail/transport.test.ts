import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { smtpTransport } from './transport.ts';

test('a password is sent to no mail server without TLS', async () => {
  const seen: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    authOptional: true,
    onAuth: ({ username = '' }, _session, done) => {
      seen.push(`password of ${username}`);
      done(null, { user: username });
    },
    onData: (stream, _session, done) => {
      stream.resume().once('end', () => {
        seen.push('mail');
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  const send = async (login: string) => {
    const transport = smtpTransport(`smtp://${login}127.0.0.1:${port}`);
    const mail = {
      id: '1',
      from: 'a@example.net',
      to: { name: 'B', address: 'b@example.net' },
      subject: 'Test',
      text: 'Test',
      html: '<p>Test</p>',
      logo: undefined,
    };
    await transport.send(mail).finally(() => transport.close());
  };
  try {
    await assert.rejects(send('user:secret@'), /TLS|STARTTLS/);
    assert.deepEqual(seen, []);
    await send('');
    assert.deepEqual(seen, ['mail']);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});
