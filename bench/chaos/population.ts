import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { control, type Launched } from '../../src/cli/launch.ts';
import { packageRoot } from '../../src/root.ts';

/** Numbers that meet a faulty gateway: last six digits → how many of a thousand (src/sandbox/magic.ts). */
const FAULTY_NUMBERS: Readonly<Record<string, number>> = {
  920429: 5,
  920503: 5,
  900001: 5,
  900002: 2,
  900003: 3,
  900004: 5,
  930005: 5,
  921610: 3,
  // No receipt ever: what a kill left in doubt here can only be settled by asking.
  900005: 200,
};
const FAULTY_MAILBOXES: Readonly<Record<string, number>> = {
  greylist: 5,
  busy: 5,
  'reset-after-data': 3,
  'hang-after-data': 2,
  slow: 5,
  'bounce-hard': 5,
};
const ENDPOINTS = 20;
/** It takes the first message and breaks off before it says so. */
export const FAULTY_OUTLET = 'outlet-2';

/** The announcements of a campaign, each to citizens of its own: one runs through all of it, the others are stopped midway. */
export const PARTS = ['cancelled', 'expiring', 'corrected', 'retracted', 'main'] as const;
/** Those that outlets get as well. */
export const WITH_OUTLETS: readonly Part[] = ['corrected', 'retracted', 'main'];
/** One more is approved when the gateways are away. It overtakes all others, so its tries are not spread by the limit. */
export type Part = (typeof PARTS)[number] | 'outage';
const SHARE: Readonly<Record<Part, number>> = {
  cancelled: 0.08,
  expiring: 0.08,
  corrected: 0.07,
  retracted: 0.07,
  main: 0.67,
  outage: 0.03,
};

/**
 * Citizens by SQL (two thirds by SMS, one third by e-mail), outlets by the API's own store, all of them real addresses
 * to Herald and made up for everybody else.
 */
export async function populate(herald: Launched, recipients: number): Promise<void> {
  const { app, sandboxUrl } = herald;
  const parts = [...PARTS, 'outage'] as const;
  for (const part of parts) await app.lists.add('topics', { code: part, names: {} });
  let from = 0;
  for (const [index, part] of parts.entries()) {
    const count = Math.round(recipients * SHARE[part]);
    await app.pool.query(POPULATE, [
      count,
      from,
      index + 1,
      part,
      expand(FAULTY_NUMBERS),
      expand(FAULTY_MAILBOXES),
    ]);
    from += count;
  }
  for (let i = 0; i < ENDPOINTS; i += 1) {
    const name = `outlet-${i}`;
    const { secret } = await app.endpoints.create({
      outlet: name,
      url: `${sandboxUrl}/hooks/${name}`,
      topics: [...WITH_OUTLETS],
      districts: [],
    });
    const behaviour =
      i === 0
        ? { behaviour: 'slow', delayMs: 3_000 }
        : i === 1
          ? { behaviour: 'fail-then-ok', times: 3 }
          : name === FAULTY_OUTLET
            ? { behaviour: 'reset', times: 1 }
            : {};
    await control(sandboxUrl, { hooks: { [name]: { secrets: [secret], ...behaviour } } });
  }
}

/** 1,000 slots; a citizen's number modulo 1,000 picks one. */
function expand(shares: Readonly<Record<string, number>>): (string | null)[] {
  const slots: (string | null)[] = Object.entries(shares).flatMap(([name, n]) => Array<string>(n).fill(name));
  return [...slots, ...Array<null>(1_000 - slots.length).fill(null)];
}

const POPULATE = `
  WITH person AS (
    INSERT INTO subscribers (name, locale, topics, consent_at, consent_source)
    SELECT 'Citizen ' || i, CASE WHEN i % 3 = 0 THEN 'en' ELSE 'zh-CN' END,
      ARRAY[(SELECT id FROM topics WHERE code = $4)], now(), 'chaos'
    FROM generate_series($2::int + 1, $2::int + $1::int) AS i
    RETURNING id
  )
  INSERT INTO contacts (subscriber_id, channel, address)
  SELECT id, CASE WHEN id % 3 = 0 THEN 'email' ELSE 'sms' END::channel,
    CASE WHEN id % 3 = 0 THEN 'c' || id || coalesce('+' || ($6::text[])[id % 1000 + 1], '') || '@example.org'
         -- +1 for numbers of their own; the last six digits may be magic.
         ELSE '+1' || (200 + id % 700)::text || $3::int || lpad((id / 700 % 1000)::text, 3, '0')
           || coalesce(($5::text[])[id % 1000 + 1], lpad((id % 100000)::text, 6, '1')) END
  FROM person ON CONFLICT DO NOTHING`;

/** Two people of the press office. */
export async function hire({ app }: Launched) {
  return {
    author: await app.users.add({ name: 'author', role: 'author' }),
    approver: await app.users.add({ name: 'approver', role: 'approver' }),
  };
}

/**
 * Writes, submits and approves one announcement of the campaign; goes on where it was when a server is struck meanwhile.
 * @param what.persist repeats a step until it works
 * @returns its number
 */
export async function publish(
  { app }: Launched,
  { author, approver }: Awaited<ReturnType<typeof hire>>,
  part: Part,
  what: {
    readonly persist: <T>(step: () => Promise<T>) => Promise<T>;
    readonly expiresInMs?: number;
    readonly supersedes?: { readonly id: number; readonly kind: 'correction' | 'retraction' };
  },
): Promise<number> {
  const { persist, expiresInMs, supersedes } = what;
  const example = JSON.parse(
    await readFile(join(packageRoot, 'examples/announcement.json'), 'utf8'),
  ) as object;
  const draft = {
    ...example,
    // The same for all but one, or the main one would leave nothing to the others.
    urgency: part === 'outage' ? 'urgent' : 'normal',
    audience: { topics: [part], districts: [] },
    channels: WITH_OUTLETS.includes(part) ? ['sms', 'email', 'webhook'] : ['sms', 'email'],
    ...(expiresInMs !== undefined && { expiresAt: new Date(Date.now() + expiresInMs).toISOString() }),
    ...(supersedes && {
      kind: supersedes.kind,
      supersedes: app.ids.encode('announcement', supersedes.id),
    }),
  };
  const { id } = await persist(() => app.announce.create(draft, author));
  await persist(async () => {
    const { state } = await app.announce.get(id);
    if (state === 'draft') await app.announce.submit(id, author);
    if (state === 'draft' || state === 'submitted') await app.announce.approve(id, approver);
  });
  return id;
}
