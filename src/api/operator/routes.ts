import { accountRoutes } from './accounts.ts';
import { blockedPrefixRoutes } from './blocked-prefixes.ts';
import { callRoutes } from './calls.ts';
import { credentialRoutes } from './credentials.ts';
import { eventRoutes } from './events.ts';
import { exportRoutes } from './exports.ts';
import { feedRoutes } from './feeds.ts';
import { importRoutes } from './imports.ts';
import { itemRoutes } from './items.ts';
import { keyRoutes } from './keys.ts';
import { ledgerRoutes } from './ledger.ts';
import { priceRoutes } from './prices.ts';
import { promotionRoutes } from './promotions.ts';
import { rejectedRoutes } from './rejected-records.ts';
import type { Route } from './route.ts';
import { runningRoutes } from './running.ts';
import { summaryRoutes } from './summary.ts';
import { usageRoutes } from './usage.ts';
import { webhookRoutes } from './webhooks.ts';

/** All routes of the operators' API. Router, access, document and tests use this list. */
export const ROUTES: Route[] = [
  ...keyRoutes,
  ...accountRoutes,
  ...credentialRoutes,
  ...ledgerRoutes,
  ...usageRoutes,
  ...itemRoutes,
  ...priceRoutes,
  ...blockedPrefixRoutes,
  ...promotionRoutes,
  ...feedRoutes,
  ...callRoutes,
  ...rejectedRoutes,
  ...runningRoutes,
  ...eventRoutes,
  ...summaryRoutes,
  ...webhookRoutes,
  ...importRoutes,
  ...exportRoutes,
];
