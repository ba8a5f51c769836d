import { Webhook } from 'standardwebhooks';
import type { Outcome } from '../domain/webhook/delivery.ts';
import { secretsOf } from '../domain/webhook/endpoint.ts';
import type { Service } from '../service.ts';
import { type PostTools, post } from './post.ts';

/** The tools of `sendWebhook`. */
export type SendTools = Pick<Service, 'db' | 'keyring' | 'clock'> & PostTools;

/**
 * Sends an event to an endpoint, once. It is signed with each of the endpoint's secrets (Standard
 * Webhooks 1.0.0).
 */
export async function sendWebhook(
  { db, keyring, clock, ...tools }: SendTools,
  endpoint: { id: number; url: string },
  event: { id: string },
): Promise<Outcome> {
  const now = clock();
  const body = JSON.stringify(event);
  const secrets = await secretsOf(db, keyring, endpoint.id, now);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'account-api/1',
    'webhook-id': event.id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': secrets
      .map((secret) => new Webhook(secret).sign(event.id, now, body))
      .join(' '),
  };
  return post(endpoint.url, { headers, body }, tools);
}

/** Sends an event that says nothing, to try an endpoint. */
export function sendTest(
  tools: SendTools,
  endpoint: { id: number; url: string },
): Promise<Outcome> {
  const now = tools.clock();
  return sendWebhook(tools, endpoint, {
    id: `evt_test_${now.getTime()}`,
    ...{ type: 'webhook.test', timestamp: now, sequence: null, apiVersion: 'v1' },
    ...{ account: null, externalId: null, data: {} },
  } as { id: string });
}
