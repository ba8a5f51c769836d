import type { FastifyInstance } from 'fastify';
import type { Service } from '../../service.ts';
import { refuseForgedForms, requireStaff } from '../access.ts';
import { accountCredentials } from './account/credentials.ts';
import { accountItems } from './account/items.ts';
import { accountLedger } from './account/ledger.ts';
import { accountSettings } from './account/settings.ts';
import { accountViews } from './account/views.ts';
import { accountsPages } from './accounts.ts';
import { addAccountPages } from './add-account.ts';
import { auditPage } from './audit.ts';
import { installationCalls } from './calls.ts';
import { dashboardPage } from './dashboard.ts';
import { explainPage } from './explain.ts';
import { feedPages } from './feeds.ts';
import { operatorKeyPages } from './operator-keys.ts';
import { promotionPages } from './promotions.ts';
import { rejectedPages } from './rejected.ts';

/** The pages for operators. */
export async function operatorPages(app: FastifyInstance, service: Service): Promise<void> {
  app.addHook('preValidation', requireStaff(service));
  refuseForgedForms(app, service, 'signed in');
  dashboardPage(app, service);
  accountsPages(app, service);
  installationCalls(app, service);
  addAccountPages(app, service);
  accountSettings(app, service);
  accountViews(app, service);
  accountLedger(app, service);
  accountItems(app, service);
  accountCredentials(app, service);
  promotionPages(app, service);
  feedPages(app, service);
  operatorKeyPages(app, service);
  rejectedPages(app, service);
  explainPage(app, service);
  auditPage(app, service);
}
