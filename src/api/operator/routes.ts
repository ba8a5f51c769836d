import { accountRoutes } from './accounts.ts';
import { blockedPrefixRoutes } from './blocked-prefixes.ts';
import { credentialRoutes } from './credentials.ts';
import { itemRoutes } from './items.ts';
import { keyRoutes } from './keys.ts';
import { ledgerRoutes } from './ledger.ts';
import { priceRoutes } from './prices.ts';
import { promotionRoutes } from './promotions.ts';
import type { Route } from './route.ts';
import { runningRoutes } from './running.ts';
import { switchRoutes } from './switches.ts';

/** All routes of the operators' API. Router, access, document and tests use this list. */
export const ROUTES: Route[] = [
  ...keyRoutes,
  ...accountRoutes,
  ...credentialRoutes,
  ...ledgerRoutes,
  ...itemRoutes,
  ...priceRoutes,
  ...blockedPrefixRoutes,
  ...promotionRoutes,
  ...switchRoutes,
  ...runningRoutes,
];
