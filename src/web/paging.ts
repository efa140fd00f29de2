import { z } from 'zod';
import { HeraldError } from '../domain/errors.ts';
import type { IdKind, OpaqueIds } from '../domain/opaque-id.ts';

/** Query of every list. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('Items of a page'),
  cursor: z.string().max(64).optional().describe("The last page's nextCursor"),
});
export type PageQuery = z.infer<typeof pageQuery>;

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable().describe('null on the last page') });

/**
 * Where a page starts. A cursor is the opaque id of the last item seen (for parts of a thing: the thing's id and
 * the part's number), so it can neither be made up nor used for another list.
 * @throws HeraldError `invalid-cursor`
 */
export function readCursor(
  ids: OpaqueIds,
  kind: IdKind,
  cursor: string | undefined,
): { id: number; n: number } | undefined {
  if (cursor === undefined) return undefined;
  const found = ids.tryDecode(kind, cursor);
  if (found) return found;
  throw new HeraldError('invalid', 'invalid-cursor', 'this cursor is not one of this list', {
    fix: 'use the nextCursor of the page before, or leave it out to start',
  });
}

/** A page out of `limit + 1` rows: the one too many says that there are more. */
export function pageFrom<R, T>(
  rows: readonly R[],
  limit: number,
  view: (row: R) => T,
  cursorOf: (last: R) => string,
): { items: T[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(view), nextCursor: rows.length > limit && last ? cursorOf(last) : null };
}
