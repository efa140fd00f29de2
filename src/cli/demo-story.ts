import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { purposeKey } from '../config.ts';
import type { Channel } from '../domain/channel.ts';
import { groupBy } from '../domain/group-by.ts';
import { leaveToken } from '../domain/leave-token.ts';
import { packageRoot } from '../root.ts';
import { type Client, demoClient, Refused, within } from './demo-client.ts';
import {
  type Audience,
  citizensToReach,
  outletsToReach,
  type Recipient,
  type Refusal,
} from './demo-expected.ts';
import { type Evidence, nameOf } from './demo-proof.ts';
import { control, type Launched } from './launch.ts';

/** What the demo has set up, and what it expects from it. */
export interface Story extends Pick<Evidence, 'recipients' | 'left' | 'refusals'> {
  readonly author: Client;
  readonly approver: Client;
  readonly announcementId: string;
  /** An endpoint's id → its URL. */
  readonly endpoints: ReadonlyMap<string, string>;
}

type Say = (line?: string) => void;
const example = (name: string) => readFile(join(packageRoot, 'examples', name));
const exampleJson = async <T>(name: string): Promise<T> => JSON.parse((await example(name)).toString()) as T;

/** Endpoints of all sorts: a newsroom's server may be slow, or fail at first. */
const BEHAVIOURS = [
  {},
  {},
  { behaviour: 'slow', delayMs: 3_000 },
  { behaviour: 'fail-then-ok', times: 2 },
  { behaviour: 'throttle', times: 1 },
];
/** A share of Twilio's callbacks comes twice, and some come in the wrong order. */
const CALLBACK_FAULTS = { duplicateShare: 0.1, reorderShare: 0.1, seed: 117 };

/** Lists, citizens, outlets, some who leave again, and a submitted announcement. */
export async function prepareOffice(herald: Launched, stopping: AbortSignal, say: Say): Promise<Story> {
  const { app, config, sandboxUrl } = herald;
  const url = `http://127.0.0.1:${config.port}`;
  const signIn = async (name: string) => {
    const user = await app.users.add({ name, role: 'approver' });
    return demoClient(url, (await app.users.createKey(user.id)).key, stopping);
  };
  const author = await signIn('李静');
  const approver = await signIn('王强');

  for (const list of ['topics', 'districts'] as const) {
    for (const entry of await exampleJson<object[]>(`${list}.json`))
      await approver.post(`/v1/${list}`, entry);
  }
  const csv = await example('subscribers.csv');
  const refusals = {
    known: await exampleJson<Refusal[]>('refused.json'),
    told: await importCitizens(approver, csv, say),
  };
  const steer = (settings: object) => control(sandboxUrl, settings, 'config', within(stopping));
  await steer({ twilio: { callbackFaults: CALLBACK_FAULTS, receiptDelayMs: 200 } });

  const outlets = await exampleJson<{ name: string; topics: string[] }[]>('outlets.json');
  const urlOf = (index: number) => `${sandboxUrl}/hooks/outlet-${index + 1}`;
  const endpoints = new Map<string, string>();
  for (const [index, { name, topics }] of outlets.entries()) {
    const endpoint = await approver.post<{ id: string; secret: string }>('/v1/endpoints', {
      outlet: name,
      url: urlOf(index),
      topics,
    });
    endpoints.set(endpoint.id, urlOf(index));
    await steer({
      hooks: { [`outlet-${index + 1}`]: { secrets: [endpoint.secret], ...BEHAVIOURS[index] } },
    });
  }
  say(`${outlets.length} outlets registered; one endpoint is slow, one fails twice, one is throttled`);

  const draft = await exampleJson<{ audience: Audience }>('announcement.json');
  const citizens = citizensToReach(csv, refusals.known, draft.audience);
  const left = await someLeave(herald, citizens, url, stopping);
  say(`${left.size} citizens left: by STOP and by the one-click link\n`);

  const { id } = await author.post<{ id: string }>('/v1/announcements', draft);
  await author.post(`/v1/announcements/${id}/submit`, {});
  say('李静 wrote the announcement of examples/announcement.json and submitted it');
  const recipients = [
    ...citizens,
    ...outletsToReach(
      outlets.map(({ topics }, index) => ({ topics, url: urlOf(index) })),
      draft.audience,
    ),
  ];
  return { author, approver, announcementId: id, endpoints, recipients, left, refusals };
}

/** @returns the lines that were refused */
async function importCitizens(approver: Client, csv: Buffer, say: Say): Promise<Refusal[]> {
  interface Import {
    rowsRead: number;
    taken: number;
    refused: number;
    refusals: { items: { line: number; code: string; message: string }[] };
  }
  const report = await approver.post<Import>('/v1/imports', csv, { type: 'text/csv' });
  say(
    `imported examples/subscribers.csv: ${report.rowsRead} rows, ${report.taken} taken, ${report.refused} refused:`,
  );
  const byCode = groupBy(report.refusals.items, (r) => r.code);
  for (const [code, rows] of byCode) {
    say(
      `  ${String(rows.length).padStart(3)} ${code.padEnd(15)} e.g. line ${rows[0]?.line}: ${rows[0]?.message}`,
    );
  }
  return report.refusals.items;
}

/** Three answer STOP, two use the link; none of them may be written to, and all would have been. */
async function someLeave(
  { app, config, sandboxUrl }: Launched,
  citizens: readonly Recipient[],
  url: string,
  stopping: AbortSignal,
): Promise<Set<string>> {
  const ordinary = (channel: Channel, begin = '') =>
    citizens.filter(
      (one) =>
        one.channel === channel &&
        one.address.startsWith(begin) &&
        one.end.status === (channel === 'sms' ? 'delivered' : 'sent'),
    );
  // Replies from +86 arrive nowhere.
  const byReply = ordinary('sms', '+1').slice(0, 3);
  for (const { address } of byReply)
    await control(sandboxUrl, { from: address, body: 'STOP' }, 'inbound', within(stopping));

  const byLink = ordinary('email').slice(0, 2);
  for (const { address } of byLink) {
    // The link stands in every mail; here it is made as the mail's writer makes it.
    const { rows } = await app.pool.query<{ id: number }>(
      `SELECT id FROM contacts WHERE channel = 'email' AND address = $1`,
      [address],
    );
    const [contact] = rows;
    if (!contact) throw new Error(`the import has lost ${address}`);
    const answer = await fetch(`${url}/u/${leaveToken(purposeKey(config.secret, 'leave'), contact.id)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'List-Unsubscribe=One-Click',
      signal: within(stopping),
    });
    if (!answer.ok) throw new Error(`one-click leave answered ${answer.status}`);
  }
  return new Set([...byReply, ...byLink].map(nameOf));
}

/** The author's own approval must be refused, although the author's role could approve. @throws Error when it is not */
export async function tryOwnApproval({ author, announcementId }: Story, say: Say): Promise<void> {
  try {
    await author.post(`/v1/announcements/${announcementId}/approve`, {});
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 403) throw error;
    say(`李静 may approve, but not this one: ${error.message}`);
    return;
  }
  throw new Error('the author could approve their own announcement');
}
