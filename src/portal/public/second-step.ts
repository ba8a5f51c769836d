import type { FastifyInstance, FastifyRequest } from 'fastify';
import { checkSecondFactor } from '../../domain/access/second-factor.ts';
import { isStillValid, type SignedIn } from '../../domain/access/sign-in.ts';
import type { Keyring } from '../../domain/sealing/keyring.ts';
import { html } from '../../html.ts';
import { logSignIn } from '../../http/sign-in-log.ts';
import type { Service } from '../../service.ts';
import { notice } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import { type Onward, onwardInputs } from './sign-in-page.ts';
import { signInAndGoOn } from './signed-in.ts';

const STEP_SECONDS = 300;
const STEP = /^([1-9][0-9]{9})\.([0-9]{1,9})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})$/;

/** The second step of signing in: a code, after the password was given in this browser. */
export function secondStepPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, clock } = service;

  app.post('/sign-in/code', async (request, reply) => {
    const { view } = request;
    const { step = '', code = '', next = '', draft = '' } = formFields(request);
    const username = await stepOwner(service, request, step);
    if (username === undefined) {
      const text = html`${notice('bad', view.m.secondStep.expired)}<p><a href="/sign-in">${view.m.signIn.title}</a></p>`;
      return sendPage(reply, view, { title: view.m.secondStep.title, content: text, status: 400 });
    }
    const passed = await checkSecondFactor(db, keyring, { username, code, now: clock() });
    const result = passed ? 'passed' : 'failed';
    logSignIn(request, { account: username, result, factor: 'second factor', for: 'portal' });
    if (!passed) {
      return sendPage(reply, view, secondStepPage(view, step, { next, draft }, true));
    }
    return signInAndGoOn(service, reply, username, { next, draft });
  });
}

/**
 * Proof that the password was given. It is valid for five minutes, in this browser and for this
 * password. It is not a session: it opens only the second step.
 */
export function stepProof(
  { keyring, clock }: Service,
  request: FastifyRequest,
  { username, keyVersion }: SignedIn,
): string {
  const head = `${username}.${keyVersion}.${Math.floor(clock().getTime() / 1_000)}`;
  return `${head}.${signed(keyring, head, request.device).toString('base64url')}`;
}

/**
 * The form for the code.
 * @param step what `stepProof` made
 * @param wrong after a wrong code: tells so, with status 400
 */
export function secondStepPage(view: View, step: string, onward: Onward, wrong = false): Page {
  const m = view.m.secondStep;
  const fields = html`<input type="hidden" name="step" value="${step}">
${onwardInputs(onward)}
${field({ name: 'code', label: m.code, hint: m.hint, autocomplete: 'one-time-code', required: true, maxLength: 20, autofocus: true, problem: wrong ? m.wrong : undefined })}
<button>${view.m.signIn.submit}</button>`;
  const content = html`${form(view, '/sign-in/code', fields)}
<p class="links"><a href="/sign-in">${m.again}</a></p>`;
  return { title: m.title, content, status: wrong ? 400 : 200 };
}

/** The account whose password was given, if the proof is valid. */
async function stepOwner(
  { db, keyring, clock }: Service,
  request: FastifyRequest,
  step: string,
): Promise<number | undefined> {
  const [, username = '', keyVersion = '', at = '', mac = ''] = STEP.exec(step) ?? [];
  const head = `${username}.${keyVersion}.${at}`;
  const secret = proofSecret(head, request.device);
  if (!username || !keyring.matches(secret, Buffer.from(mac, 'base64url'))) return undefined;
  const age = clock().getTime() / 1_000 - Number(at);
  if (age > STEP_SECONDS) return undefined;
  const owner = { username: Number(username), keyVersion: Number(keyVersion) };
  return (await isStillValid(db, owner)) ? owner.username : undefined;
}

function signed(keyring: Keyring, head: string, device: string): Buffer {
  return keyring.digest(proofSecret(head, device));
}

function proofSecret(head: string, device: string): string {
  return `second step ${device} ${head}`;
}
