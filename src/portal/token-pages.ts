import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MAIL_QUEUE } from '../domain/message.ts';
import { resetPassword } from '../domain/recovery.ts';
import { inspectToken, type TokenState } from '../domain/token.ts';
import { verifyAccount } from '../domain/verification.ts';
import { type Html, html } from '../html.ts';
import type { Service } from '../service.ts';
import { page, sendPage } from './layout.ts';

const SHORTEST_PASSWORD = 10;
const LONGEST_PASSWORD = 128;

type Problem = Exclude<TokenState['state'], 'good'>;

const PROBLEMS: Record<Problem, string> = {
  unknown: 'This link is not known. Please check that it was copied whole.',
  expired: 'This link has expired.',
  used: 'This link has been used already.',
  replaced: 'A newer mail with another link was sent since. Please use that one.',
};

/**
 * The pages that mailed links open. Opening one changes nothing, since mail scanners follow links;
 * its form does.
 */
export function tokenPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, config, clock } = service;

  app.get('/verify', async (request, reply) => {
    const token = queryToken(request);
    const { state } = await inspectToken(db, keyring, token, 'verification', clock());
    if (state !== 'good') return sendPage(reply, 400, verifyProblem(state));
    const form = html`<p>Please confirm that this is your e-mail address.</p>
<form method="post" action="/verify">
<input type="hidden" name="token" value="${token}">
<button>Verify my address</button>
</form>`;
    return sendPage(reply, 200, page(config, 'Verify your address', form));
  });

  app.post('/verify', async (request, reply) => {
    const { token = '' } = formFields(request);
    const { state } = await verifyAccount(db, keyring, token, clock());
    if (state !== 'good') return sendPage(reply, 400, verifyProblem(state));
    const done = html`<p>Thank you. Your e-mail address is verified.</p>`;
    return sendPage(reply, 200, page(config, 'Address verified', done));
  });

  app.get('/reset', async (request, reply) => {
    const token = queryToken(request);
    const result = await inspectToken(db, keyring, token, 'recovery', clock());
    if (result.state !== 'good') return sendPage(reply, 400, resetProblem(result.state));
    return sendPage(reply, 200, resetPage(token, result.username));
  });

  app.post('/reset', async (request, reply) => {
    const { token = '', password = '', repeated = '' } = formFields(request);
    const before = await inspectToken(db, keyring, token, 'recovery', clock());
    if (before.state !== 'good') return sendPage(reply, 400, resetProblem(before.state));
    const problem = passwordProblem(password, repeated);
    if (problem) return sendPage(reply, 400, resetPage(token, before.username, problem));
    const actor = { who: 'recovery', from: `portal ${request.clientAddress}` };
    const result = await resetPassword(db, actor, keyring, queue, {
      token,
      password,
      now: clock(),
    });
    if (result.state !== 'good') return sendPage(reply, 400, resetProblem(result.state));
    queue.wake(MAIL_QUEUE);
    const done = html`<p>The password of account ${result.username} is changed.</p>
<p>Its old API key no longer works; get the new one with the new password.</p>`;
    return sendPage(reply, 200, page(config, 'Password changed', done));
  });

  const resetPage = (token: string, username: number, problem?: string): Html =>
    page(
      config,
      'Choose a new password',
      html`<p>For account ${username}.</p>
${problem ? html`<p class="problem" id="problem" role="alert">${problem}</p>` : ''}
<form method="post" action="/reset">
<input type="hidden" name="token" value="${token}">
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required
  minlength="${SHORTEST_PASSWORD}" maxlength="${LONGEST_PASSWORD}" aria-describedby="rule">
<p class="hint" id="rule">${SHORTEST_PASSWORD} to ${LONGEST_PASSWORD} characters. A new password also changes the API key.</p>
<label for="repeated">The same once more</label>
<input id="repeated" name="repeated" type="password" autocomplete="new-password" required>
<button>Change the password</button>
</form>`,
    );

  const verifyProblem = (state: Problem): Html =>
    page(config, 'Not verified', html`<p class="problem">${PROBLEMS[state]}</p>`);

  const resetProblem = (state: Problem): Html =>
    page(
      config,
      'Password not changed',
      html`<p class="problem">${PROBLEMS[state]}</p>
<p>You can ask for a new mail at any time.</p>`,
    );
}

function passwordProblem(password: string, repeated: string): string | undefined {
  const length = [...password].length;
  if (length < SHORTEST_PASSWORD) return `Please use at least ${SHORTEST_PASSWORD} characters.`;
  if (length > LONGEST_PASSWORD) return `Please use at most ${LONGEST_PASSWORD} characters.`;
  return password === repeated ? undefined : 'The two passwords differ.';
}

function queryToken(request: FastifyRequest): string {
  const { token } = request.query as { token?: unknown };
  return typeof token === 'string' ? token : '';
}

function formFields(request: FastifyRequest): Record<string, string | undefined> {
  return (request.body as Record<string, string> | undefined) ?? {};
}
