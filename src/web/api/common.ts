import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { text as printable } from '../../domain/announcement.ts';

/** A Fastify instance whose routes are typed by their zod schemas. */
export type ZodServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export const idParams = z.object({ id: z.string().max(64) });

/** A line or two of text by a person: trimmed, not empty, without control characters but the line end. */
export const text = (max: number) =>
  printable()
    .trim()
    .min(1)
    .max(max)
    .refine((t) => !/[\t\r]/.test(t), 'has control characters');
/** For a POST that takes none. */
export const noBody = z.strictObject({}).nullish();

export const code = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'not a code such as "missing-persons"');
/** Of an answer: described, and not checked, so that one odd row never takes a whole list away. */
export const time = z.string().meta({ format: 'date-time' });
/** A time that has come to pass, or not. */
export const timeOrNull = time.nullable();

export const iso = (date: Date): string => date.toISOString();
export const isoOrNull = (date: Date | null): string | null => date?.toISOString() ?? null;
