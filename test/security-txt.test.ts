import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, loadConfig } from '../src/config.ts';
import { startService } from './support/service.ts';

test('security.txt tells whom to write to, where that is set', async () => {
  const api = await startService({
    SECURITY_CONTACT: 'mailto:security@example.com, https://example.com/report',
    PUBLIC_URL: 'https://accounts.example.com/',
  });
  const day = new Date(api.service.clock().getTime() + 180 * 86_400_000).toISOString().slice(0, 10);
  const answer = await fetch(`${api.url}/.well-known/security.txt`);
  const text = await answer.text();
  await api.stop();
  assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
  assert.equal(
    text.replace(/T[\d:.]+Z/, ''),
    'Contact: mailto:security@example.com\nContact: https://example.com/report\n' +
      `Expires: ${day}\nCanonical: https://accounts.example.com/.well-known/security.txt\n`,
  );
});

test('without it there is none, and a wrong one stops the start', async () => {
  const api = await startService();
  const { status } = await fetch(`${api.url}/.well-known/security.txt`);
  await api.stop();
  assert.equal(status, 404);
  assert.throws(() => loadConfig({ SECURITY_CONTACT: 'security@example.com' }), ConfigError);
});
