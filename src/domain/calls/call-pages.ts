import type { Reader } from '../../db/replica.ts';

/** Accounts and a range of time: the calls to read. */
export interface CallSpan {
  billingAccount: number;
  accounts: number[];
  /** the oldest start, microseconds since 1970 */
  from: bigint;
  /** the first moment after the range, microseconds since 1970 */
  before: bigint;
}

/** How a call is written. A name always stands for the same SQL. */
export interface CallText {
  name: string;
  /** SQL of a call's text */
  line: string;
  /** SQL condition: the call is written; left out: every call is. Its parameters begin with $7. */
  matches?: string;
  values?: unknown[];
}

/** The text of some calls, newest first. */
export interface CallPage {
  text: string;
  /** where the next page begins; undefined: this is the last one */
  next: PagePlace | undefined;
}

/** A place directly after a call, in the order of pages. */
interface PagePlace {
  startedAt: bigint;
  id: string;
  /** the most microseconds that the next page looks back */
  width: bigint;
}

type Lane = 'readList' | 'readPage';

/** The most calls that a page reads, written or not. */
const PAGE = 2_000;
const BEFORE_ALL_IDS = '00000000-0000-0000-0000-000000000000';
const HOUR = 3_600_000_000n;

interface Row {
  text: string | null;
  calls: number;
  startedAt: number | string;
  id: string;
}

/** The newest calls, read on the connections for short answers. */
export function newestCallPage(db: Reader, span: CallSpan, text: CallText): Promise<CallPage> {
  return readCallPage(db, 'readList', { span, text, place: newestPlace(span) });
}

/**
 * The newest calls of the open account with a key. One statement looks up the keys of concurrent
 * requests for the same range, and reads their calls.
 * @returns undefined where no open account has the key
 */
export async function newestCallPageOfKey(
  db: Reader,
  digest: Buffer,
  range: Pick<CallSpan, 'from' | 'before'>,
  text: CallText,
): Promise<{ span: CallSpan; page: CallPage } | undefined> {
  const row = await db.findList<Row & { username: number; billingAccount: number }>({
    name: `${text.name}-of-key`,
    text: `SELECT k.n, a.username, a.master_account AS "billingAccount", page.*
     FROM unnest($5::bytea[]) WITH ORDINALITY AS k (digest, n)
       JOIN account a ON a.key_digest = k.digest AND a.closed_at IS NULL,
       LATERAL (${statement(text, 'a.master_account', '= a.username')}) AS page`,
    key: digest,
    values: [String(range.from), String(range.before), BEFORE_ALL_IDS, PAGE],
  });
  if (!row) return undefined;
  const span = { ...range, billingAccount: row.billingAccount, accounts: [row.username] };
  return { span, page: pageOf(row, { span, place: newestPlace(span), from: range.from }) };
}

/**
 * The texts of calls, newest first. While the caller takes one page, only the next one is read. So
 * any number of calls needs the same memory.
 *
 * A page ends at a start and an id, which never change. So a call that was stored before the first
 * page is in exactly one page. A call stored meanwhile may be missing, and a rerated one may be
 * old.
 * @param newest the first page; left out, it is read too
 */
export async function* callPages(
  db: Reader,
  span: CallSpan,
  text: CallText,
  newest?: CallPage,
): AsyncGenerator<string> {
  const read = (place: PagePlace) => readCallPage(db, 'readPage', { span, text, place });
  let page = newest ?? (await read(newestPlace(span)));
  for (;;) {
    const reading: Promise<CallPage> | undefined = page.next && read(page.next);
    // A reader that stops early never sees the next page, so its failure is ignored.
    reading?.catch(() => undefined);
    if (page.text !== '') yield page.text;
    if (!reading) return;
    page = await reading;
  }
}

/** The index has one account's calls in the order of pages; those of several must be sorted. */
function newestPlace({ accounts, from, before }: CallSpan): PagePlace {
  const width = accounts.length === 1 ? before - from : HOUR;
  return { startedAt: before, id: BEFORE_ALL_IDS, width };
}

async function readCallPage(
  db: Reader,
  lane: Lane,
  { span, text, place }: { span: CallSpan; text: CallText; place: PagePlace },
): Promise<CallPage> {
  const { billingAccount, accounts } = span;
  const reachesEnd = place.startedAt - span.from <= place.width;
  const from = reachesEnd ? span.from : place.startedAt - place.width;
  const isOne = accounts.length === 1;
  const [row] = await db[lane]<Row>(
    `${text.name}-${isOne ? 'of-one' : 'of-some'}`,
    statement(text, '$5', isOne ? '= $6' : '= ANY ($6::bigint[])'),
    [
      String(from),
      String(place.startedAt),
      place.id,
      PAGE,
      billingAccount,
      isOne ? accounts[0] : accounts,
      ...(text.values ?? []),
    ],
  );
  return pageOf(row as Row, { span, place, from });
}

/** What was read from a place. @param from where the read ended, microseconds since 1970 */
interface PageRead {
  span: CallSpan;
  place: PagePlace;
  from: bigint;
}

function pageOf(row: Row, read: PageRead): CallPage {
  return { text: row.text ?? '', next: nextPlace(row, read) };
}

function nextPlace(
  { calls, startedAt, id }: Row,
  { span, place: { width }, from }: PageRead,
): PagePlace | undefined {
  const isOne = span.accounts.length === 1;
  if (calls === PAGE) {
    return { startedAt: BigInt(startedAt), id, width: isOne ? width : width / 2n + 1n };
  }
  if (from <= span.from) return undefined;
  return { startedAt: from, id: BEFORE_ALL_IDS, width: width * 2n };
}

const moment = (parameter: string) =>
  `to_timestamp(0) + ${parameter}::bigint * interval '1 microsecond'`;

/** A prepared plan must fit any range: `<=` and `>=` let PostgreSQL skip partitions. */
function statement(
  { line, matches = 'true' }: CallText,
  billingAccount: string,
  ofAccounts: string,
): string {
  return `SELECT string_agg(${line}, '') FILTER (WHERE ${matches}) AS text, count(*) AS calls,
    (extract(epoch FROM min(started_at)) * 1000000)::bigint AS "startedAt",
    (array_agg(id))[count(*)] AS id
  FROM (
    SELECT * FROM call
    WHERE billing_account = ${billingAccount} AND account ${ofAccounts}
      AND started_at >= ${moment('$1')} AND started_at <= ${moment('$2')}
      AND (started_at, id) < (${moment('$2')}, $3::uuid)
    ORDER BY started_at DESC, id DESC LIMIT $4) c`;
}
