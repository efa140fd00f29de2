import { z } from 'zod';
import { codeSchema, MODES, text } from './announcement.ts';
import { localeSchema } from './template.ts';

/** Most minutes that a single message may wait: who asked for it half a day ago has given up. */
const MOST_MINUTES = 720;

/** What `POST /v1/messages` takes. */
export const messageSchema = z.strictObject({
  channel: z.enum(['sms', 'email']),
  /** A phone number or a mailbox, as people write them. */
  to: text().max(320),
  /** One that is for single messages. */
  template: codeSchema,
  fields: z.record(z.string().max(32), text().max(20_000)).default({}),
  /** The office's default where it is absent, or where the template does not speak it. */
  locale: localeSchema.optional(),
  mode: z.enum(MODES).default('live'),
  /** What is not sent by then is not sent. */
  expiresInMinutes: z.int().min(1).max(MOST_MINUTES).default(15),
});
export type MessageInput = z.input<typeof messageSchema>;
