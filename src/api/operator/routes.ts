import { accountRoutes } from './accounts.ts';
import { blockedPrefixRoutes } from './blocked-prefixes.ts';
import { callRoutes } from './calls.ts';
import { credentialRoutes } from './credentials.ts';
import { eventRoutes } from './events.ts';
import { exportRoutes } from './exports.ts';
import { feedRoutes } from './feeds.ts';
import type { Route } from './framework/route.ts';
import { importResultRoutes } from './import-results.ts';
import { importRoutes } from './imports.ts';
import { itemRoutes } from './items.ts';
import { keyRoutes } from './keys.ts';
import { ledgerRoutes } from './ledger.ts';
import { priceRoutes } from './prices.ts';
import { promotionRoutes } from './promotions.ts';
import { rateRoutes } from './rate.ts';
import { rejectedRoutes } from './rejected-records.ts';
import { runningRoutes } from './running.ts';
import { statementRoutes } from './statement.ts';
import { summaryRoutes } from './summary.ts';
import { usageRoutes } from './usage.ts';
import { deliveryRoutes } from './webhook-deliveries.ts';
import { webhookRoutes } from './webhooks.ts';

/** All routes of the operators' API. Router, access, document and tests use this list. */
export const ROUTES: Route[] = [
  ...keyRoutes,
  ...accountRoutes,
  ...credentialRoutes,
  ...ledgerRoutes,
  ...statementRoutes,
  ...usageRoutes,
  ...itemRoutes,
  ...priceRoutes,
  ...rateRoutes,
  ...blockedPrefixRoutes,
  ...promotionRoutes,
  ...feedRoutes,
  ...callRoutes,
  ...rejectedRoutes,
  ...runningRoutes,
  ...eventRoutes,
  ...summaryRoutes,
  ...webhookRoutes,
  ...deliveryRoutes,
  ...importRoutes,
  ...importResultRoutes,
  ...exportRoutes,
];
