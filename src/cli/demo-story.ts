import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { purposeKey } from '../config.ts';
import { groupBy } from '../domain/group-by.ts';
import { leaveToken } from '../domain/leave-token.ts';
import { packageRoot } from '../root.ts';
import { type Client, Refused } from './demo-client.ts';
import { control, type Launched } from './launch.ts';

/** What the demo has set up, and what it expects from it. */
export interface Story {
  readonly author: Client;
  readonly approver: Client;
  readonly announcementId: string;
  readonly audience: { readonly topics: readonly string[]; readonly districts: readonly string[] };
  /** `channel address` of everybody who left before the approval. */
  readonly left: ReadonlySet<string>;
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
export async function prepareOffice(
  herald: Launched,
  client: (url: string, key: string) => Client,
  say: Say,
): Promise<Story> {
  const { app, config, sandboxUrl } = herald;
  const url = `http://127.0.0.1:${config.port}`;
  const signIn = async (name: string) => {
    const user = await app.users.add({ name, role: 'approver' });
    return client(url, (await app.users.createKey(user.id)).key);
  };
  const author = await signIn('李静');
  const approver = await signIn('王强');

  for (const list of ['topics', 'districts'] as const) {
    for (const entry of await exampleJson<object[]>(`${list}.json`))
      await approver.post(`/v1/${list}`, entry);
  }
  await importCitizens(approver, say);
  await control(sandboxUrl, { twilio: { callbackFaults: CALLBACK_FAULTS, receiptDelayMs: 200 } });

  const outlets = await exampleJson<{ name: string; topics: string[] }[]>('outlets.json');
  for (const [index, { name, topics }] of outlets.entries()) {
    const endpoint = await approver.post<{ secret: string }>('/v1/endpoints', {
      outlet: name,
      url: `${sandboxUrl}/hooks/outlet-${index + 1}`,
      topics,
    });
    await control(sandboxUrl, {
      hooks: { [`outlet-${index + 1}`]: { secrets: [endpoint.secret], ...BEHAVIOURS[index] } },
    });
  }
  say(`${outlets.length} outlets registered; one endpoint is slow, one fails twice, one is throttled`);

  const draft = await exampleJson<{ audience: Story['audience'] }>('announcement.json');
  const left = await someLeave(herald, url);
  say(`${left.size} citizens left: by STOP and by the one-click link\n`);

  const { id } = await author.post<{ id: string }>('/v1/announcements', draft);
  await author.post(`/v1/announcements/${id}/submit`, {});
  say('李静 wrote the announcement of examples/announcement.json and submitted it');
  return { author, approver, announcementId: id, audience: draft.audience, left };
}

async function importCitizens(approver: Client, say: Say): Promise<void> {
  interface Import {
    rowsRead: number;
    taken: number;
    refused: number;
    refusals: { items: { line: number; code: string; message: string }[] };
  }
  const report = await approver.post<Import>('/v1/imports', await example('subscribers.csv'), {
    type: 'text/csv',
  });
  say(
    `imported examples/subscribers.csv: ${report.rowsRead} rows, ${report.taken} taken, ${report.refused} refused:`,
  );
  const byCode = groupBy(report.refusals.items, (r) => r.code);
  for (const [code, rows] of byCode) {
    say(
      `  ${String(rows.length).padStart(3)} ${code.padEnd(15)} e.g. line ${rows[0]?.line}: ${rows[0]?.message}`,
    );
  }
}

/** Three answer STOP, two use the link; none of them may be written to. */
async function someLeave({ app, config, sandboxUrl }: Launched, url: string): Promise<Set<string>> {
  const { rows } = await app.pool.query<{ id: number; channel: string; address: string }>(
    `(SELECT id, channel, address FROM contacts WHERE channel = 'sms' AND address LIKE '+1%' ORDER BY id LIMIT 3)
     UNION ALL (SELECT id, channel, address FROM contacts WHERE channel = 'email' ORDER BY id LIMIT 2)`,
  );
  for (const { id, channel, address } of rows) {
    if (channel === 'sms') await control(sandboxUrl, { from: address, body: 'STOP' }, 'inbound');
    else {
      const answer = await fetch(`${url}/u/${leaveToken(purposeKey(config.secret, 'leave'), id)}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'List-Unsubscribe=One-Click',
      });
      if (!answer.ok) throw new Error(`one-click leave answered ${answer.status}`);
    }
  }
  return new Set(rows.map((r) => `${r.channel} ${r.address}`));
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
