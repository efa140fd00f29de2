import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';

/** A Fastify instance whose routes are typed by their zod schemas. */
export type ZodServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export const idParams = z.object({ id: z.string().max(64) });

const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f]/;
/** A line or two of text by a person: trimmed, not empty, without control characters but the line end. */
export const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine((t) => !CONTROLS.test(t), 'has control characters');

export const code = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'not a code such as "missing-persons"');
export const time = z.iso.datetime({ offset: true });
/** A time that has come to pass, or not. */
export const timeOrNull = time.nullable();

export const iso = (date: Date): string => date.toISOString();
export const isoOrNull = (date: Date | null): string | null => date?.toISOString() ?? null;
