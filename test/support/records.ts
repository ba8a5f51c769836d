import type { FeedFormat } from '../../src/domain/calls/feed.ts';
import { freeswitchCdr } from './freeswitch.ts';

export interface SampleCall {
  account: number;
  /** makes the call unique */
  number: number;
  /** Unix seconds */
  start: number;
  /** whole seconds */
  talk?: number;
}

/** One call in each format: JSON text, or a row of CSV without its line end. */
export const SAMPLES: Record<FeedFormat, (call: SampleCall) => string> = {
  freeswitch: ({ account, number, start, talk = 40 }) =>
    JSON.stringify(
      freeswitchCdr({ uuid: uuid(number), accountcode: account, start, talk, callerName: '"A"' }),
    ),
  kamailio: ({ account, number, start, talk = 40 }) =>
    JSON.stringify({
      start_time: `${start}.256`,
      end_time: `${start + talk}.256`,
      duration: `${talk}.000`,
      callid: `${number}@192.0.2.13`,
      from_tag: 'a1',
      to_tag: 'b1',
      call_ref: uuid(number),
      account: String(account),
      cid: '2125550100',
      dst: '12125550123',
      src_ip: '192.0.2.13',
      cname: '"Alice [Example], {x}"',
    }),
  opensips: ({ account, number, start, talk = 40 }) =>
    JSON.stringify({
      jsonrpc: '2.0',
      method: 'E_ACC_CDR',
      params: {
        method: 'INVITE',
        from_tag: 'a1',
        to_tag: 'b1',
        callid: `${number}@192.0.2.13`,
        sip_code: '200',
        sip_reason: 'OK',
        time: String(start + 3),
        created: String(start),
        duration: String(talk),
        ms_duration: String(talk * 1_000),
        setuptime: '3',
        account: String(account),
        cid: '2125550100',
        dst: '12125550123',
        src_ip: '192.0.2.13',
        cname: 'Alice',
      },
    }),
  asterisk: ({ account, number, start, talk = 40 }) =>
    `"${account}","2125550100","12125550123","default","""Alice, ""A"""" <2125550100>",` +
    `"PJSIP/1000-${number}","PJSIP/trunk-2","Dial","PJSIP/x@trunk,30",${local(start)},` +
    `${talk ? local(start + 3) : ''},${local(start + 3 + talk)},${talk + 3},${talk},` +
    `"${talk ? 'ANSWERED' : 'NO ANSWER'}","DOCUMENTATION","${start}.${number}","","","1.1",3`,
  generic: ({ account, number, start, talk = 40 }) =>
    JSON.stringify({
      id: uuid(number),
      account,
      start,
      duration: talk,
      cid: '2125550100',
      dst: '12125550123',
      ip: '192.0.2.13',
      cn: 'Alice',
    }),
};

/** The header of the service's own CSV, and a call as a row. */
export const GENERIC_HEADER = 'id,account,start,duration,cid,dst,cn';
export const genericRow = ({ account, number, start, talk = 40 }: SampleCall) =>
  `${uuid(number)},${account},${start},${talk},2125550100,12125550123,"Alice, ""A"""`;

function uuid(number: number): string {
  return `f2ce9c30-1d7a-4b6f-9a39-${number.toString(16).padStart(12, '0')}`;
}

function local(seconds: number): string {
  return `"${new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ')}"`;
}
