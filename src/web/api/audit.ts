import { z } from 'zod';
import type { App } from '../../app.ts';
import { formatAnchor } from '../../domain/audit.ts';
import { HeraldError } from '../../domain/errors.ts';
import { ID_TAGS, type IdKind, type OpaqueIds } from '../../domain/opaque-id.ts';
import type { AuditEntry, AuditFilter } from '../../pipeline/audit-store.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../paging.ts';
import { iso, time, type ZodServer } from './common.ts';

/** Types of subjects whose ids are opaque outside; a single message's is an announcement's. */
const OPAQUE: Readonly<Record<string, IdKind>> = {
  announcement: 'announcement',
  message: 'announcement',
  delivery: 'delivery',
  subscriber: 'subscriber',
  endpoint: 'endpoint',
  user: 'user',
  totp: 'user',
  passkey: 'user',
  'recovery-codes': 'user',
  key: 'key',
  import: 'import',
};

const entrySchema = z.object({
  id: z.int().describe('Its place in the chain, from 1 on'),
  at: time,
  actor: z.string().nullable().describe('A user; null: Herald itself, or the `operator` in details'),
  act: z.string(),
  subject: z.object({ type: z.string(), id: z.string().nullable().describe('null: all of the type') }),
  revision: z.int().nullable(),
  details: z.record(z.string(), z.string()),
  sha256: z.string().describe('Over this row and the hash of the one before'),
});

/** A row as it is shown, with ids as they are outside. */
export function auditView(ids: OpaqueIds, row: AuditEntry): z.input<typeof entrySchema> {
  const show = (type: string, id: string) => {
    const kind = OPAQUE[type];
    const [number, n] = id.split('/').map(Number);
    return kind && number !== undefined ? ids.encode(kind, number, n) : id;
  };
  // What a detail names, where it is a thing with an id of its own.
  const kinds: Readonly<Record<string, string>> =
    row.act === 'look-up'
      ? { user: 'user', from: row.subjectType, to: row.subjectType, found: 'subscriber' }
      : { user: 'user' };
  return {
    id: row.id,
    at: iso(row.at),
    actor: row.actor === null ? null : ids.encode('user', row.actor),
    act: row.act,
    subject: {
      type: row.subjectType,
      id: row.subjectId === null ? null : show(row.subjectType, row.subjectId),
    },
    revision: row.revision,
    details: Object.fromEntries(
      Object.entries(row.details).map(([name, text]) => {
        const kind = kinds[name];
        return [
          name,
          kind
            ? text
                .split(' ')
                .map((id) => show(kind, id))
                .join(' ')
            : text,
        ];
      }),
    ),
    sha256: row.sha256.toString('hex'),
  };
}

/** What `GET /v1/audit` and `herald audit list` filter by. */
export const auditFilterSchema = z.object({
  since: z.iso.datetime({ offset: true }).optional().describe('From this time on'),
  until: z.iso.datetime({ offset: true }).optional().describe('Before this time'),
  actor: z.string().max(64).optional().describe('A user’s id; `herald`: no user'),
  act: z.string().max(64).optional().describe('Such as approve, look-up, revoke'),
  subject: z
    .string()
    .max(200)
    .optional()
    .describe(
      'An id (ann_…, sub_…), a type (subscriber), or a type and a code (topic:fraud, breaker:sms:live)',
    ),
});

/** @throws HeraldError `no-such-user`, `no-such-subject` */
export function auditFilter(ids: OpaqueIds, query: z.infer<typeof auditFilterSchema>): AuditFilter {
  const { since, until, actor, act, subject } = query;
  return {
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
    actor: actor === undefined || actor === 'herald' ? actor : ids.decode('user', actor).id,
    act,
    subject: subject === undefined ? undefined : readSubject(ids, subject),
  };
}

function readSubject(ids: OpaqueIds, text: string): NonNullable<AuditFilter['subject']> {
  for (const [kind, tag] of Object.entries(ID_TAGS) as [IdKind, string][]) {
    if (!text.startsWith(`${tag}_`)) continue;
    const { id, n } = ids.decode(kind, text);
    const types = Object.keys(OPAQUE).filter((type) => OPAQUE[type] === kind);
    return { types, id: kind === 'delivery' ? `${id}/${n}` : String(id) };
  }
  const [, type = '', id] = /^([a-z][a-z-]*)(?::(.+))?$/.exec(text) ?? [];
  if (type !== '') return { types: [type], id };
  throw new HeraldError('invalid', 'no-such-subject', `${JSON.stringify(text)} names no subject`, {
    fix: 'give an id (ann_…, sub_…), a type (subscriber), or a type and a code (topic:fraud)',
  });
}

/** Who did what; for admins. */
export function auditRoutes(server: ZodServer, { audit, ids }: Pick<App, 'audit' | 'ids'>): void {
  const config = { access: 'admin' } as const;
  const tags = ['audit'];

  server.get('/v1/audit', {
    config,
    schema: {
      tags,
      summary: 'Who did what, newest first',
      querystring: pageQuery.extend(auditFilterSchema.shape),
      response: { 200: pageOf(entrySchema) },
    },
    handler: async ({ query: { cursor, limit, ...filter } }) => {
      const before = readCursor(ids, 'audit', cursor)?.id;
      const rows = await audit.list({ ...auditFilter(ids, filter), before, limit: limit + 1 });
      return pageFrom(
        rows,
        limit,
        (row) => auditView(ids, row),
        (last) => ids.encode('audit', last.id),
      );
    },
  });

  server.get('/v1/audit/head', {
    config,
    schema: {
      tags,
      summary: 'The newest row, to be kept outside: an anchor',
      response: {
        200: z.object({
          anchor: z.string().describe('herald-audit/1 <installation> <id> <time> <sha256>'),
          installation: z.string(),
          id: z.int(),
          time,
          sha256: z.string(),
        }),
      },
    },
    handler: async () => {
      const head = await audit.head();
      return { anchor: formatAnchor(head), ...head };
    },
  });
}
