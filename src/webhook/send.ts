import { Webhook } from 'standardwebhooks';
import type { Outcome } from '../domain/webhook/delivery.ts';
import { secretsOf } from '../domain/webhook/endpoint.ts';
import type { Service } from '../service.ts';
import { type PostTools, post } from './post.ts';

/** The tools of `sendTest`. */
export type SendTools = Pick<Service, 'db' | 'keyring' | 'clock'> & PostTools;

/**
 * Sends an event to an endpoint, once. It is signed with each of the endpoint's secrets (Standard
 * Webhooks 1.0.0).
 */
export function sendWebhook(
  { clock, ...tools }: Omit<SendTools, 'db' | 'keyring'>,
  endpoint: { url: string; secrets: string[] },
  event: { id: string },
): Promise<Outcome> {
  const now = clock();
  const body = JSON.stringify(event);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'account-api/1',
    'webhook-id': event.id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': endpoint.secrets
      .map((secret) => new Webhook(secret).sign(event.id, now, body))
      .join(' '),
  };
  return post(endpoint.url, { headers, body }, tools);
}

/** Sends an event that says nothing, to try an endpoint. */
export async function sendTest(
  { db, keyring, ...tools }: SendTools,
  { id, url }: { id: number; url: string },
): Promise<Outcome> {
  const now = tools.clock();
  const secrets = await secretsOf(db, keyring, id, now);
  const event = {
    id: `evt_test_${now.getTime()}`,
    ...{ type: 'webhook.test', timestamp: now, sequence: null, apiVersion: 'v1' },
    ...{ account: null, externalId: null, data: {} },
  };
  return sendWebhook(tools, { url, secrets }, event);
}
