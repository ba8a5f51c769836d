import { randomUUID } from 'node:crypto';

export interface CdrOptions {
  uuid?: string;
  accountcode?: number | string;
  /** Unix seconds */
  start?: number;
  /** seconds of talk; 0: not answered */
  talk?: number;
  caller?: string;
  called?: string;
  callerName?: string;
  direction?: string | undefined;
}

/**
 * A record in the form of mod_json_cdr, with the members that the service reads and some others.
 */
export function freeswitchCdr(options: CdrOptions = {}) {
  const start = options.start ?? Math.floor(Date.now() / 1_000) - 600;
  const talk = options.talk ?? 40;
  const answer = talk > 0 ? start + 3 : 0;
  const end = start + 3 + Math.ceil(talk);
  return {
    core: randomUUID(),
    switchname: 'switch-1',
    channel_data: { state: 'CS_REPORTING', direction: options.direction ?? 'inbound' },
    variables: {
      direction: options.direction ?? 'inbound',
      uuid: options.uuid ?? randomUUID(),
      accountcode: String(options.accountcode ?? ''),
      sip_network_ip: '192.0.2.13',
      start_epoch: String(start),
      start_uepoch: String(start * 1_000_000),
      answer_epoch: String(answer),
      end_epoch: String(end),
      billsec: String(Math.floor(talk)),
      billmsec: String(Math.round(talk * 1_000)),
      billusec: String(Math.round(talk * 1_000_000)),
      hangup_cause: 'NORMAL_CLEARING',
    },
    callflow: [
      {
        dialplan: 'XML',
        profile_index: '1',
        caller_profile: {
          username: '1000',
          caller_id_name: options.callerName ?? 'TOLL FREE CALL',
          caller_id_number: options.caller ?? '8666326621',
          network_addr: '192.0.2.13',
          destination_number: options.called ?? '8008786160',
          uuid: options.uuid ?? '',
        },
      },
    ],
  };
}
