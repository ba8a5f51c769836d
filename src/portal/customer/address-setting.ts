import type { FastifyInstance } from 'fastify';
import { requestAddressChange } from '../../domain/account/address-change.ts';
import { customerAt } from '../../domain/audit.ts';
import * as entered from '../../domain/entered-values.ts';
import type { Service } from '../../service.ts';
import { sessionOf } from '../access.ts';
import { knowsPassword } from '../confirm.ts';
import { readFields } from '../entered.ts';
import { formFields } from '../input.ts';
import { sendPage } from '../layout.ts';
import { showDone } from '../shown-once.ts';
import { ADDRESS_FORM, type RefusedAddress } from './address-panel.ts';
import { settingsPage } from './settings-page.ts';

/** Asks for another e-mail address, given the password. Links to both addresses confirm it. */
export function addressSetting(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, clock } = service;

  app.post(ADDRESS_FORM, async (request, reply) => {
    const { view } = request;
    const { username } = sessionOf(request);
    const fields = formFields(request);
    const { email: typed = '', 'address-password': password = '' } = fields;
    const again = async (address: Omit<RefusedAddress, 'email'>) => {
      const refused = { address: { email: typed, ...address } };
      return sendPage(reply, view, await settingsPage(service, request, refused));
    };
    const { values, problems } = readFields(view.m, fields, { email: entered.email });
    if (problems) return again({ problem: problems.email });
    if (!(await knowsPassword(service, request, password))) return again({ isWrongPassword: true });
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    const tools = { keyring, queue, now: clock() };
    const change = { username, email: values.email };
    const result = await requestAddressChange(db, actor, tools, change);
    const m = view.m.addressChange;
    if (result !== 'mailed') return again({ problem: result === 'same' ? m.same : m.tooOften });
    return showDone(service, reply, '/settings', 'address-mailed');
  });
}
