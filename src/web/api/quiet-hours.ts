import { z } from 'zod';
import type { App } from '../../app.ts';
import { CHANNELS } from '../../domain/channel.ts';
import { holderOf } from '../access.ts';
import type { ZodServer } from './common.ts';

const channel = z.enum(CHANNELS);
const localTime = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 22:00')
  .describe('Local time of the office, HH:MM');

/** From one local time to another, which is on the next day when it is the earlier one. */
export const quietHoursSchema = z
  .strictObject({ from: localTime, until: localTime })
  .refine(({ from, until }) => from !== until, 'from and until are the same: no hours, or the whole day');

/** When citizens are left in peace: normal and routine announcements wait, urgent ones and single messages go. */
export function quietHoursRoutes(
  server: ZodServer,
  { quietHours, config }: Pick<App, 'quietHours' | 'config'>,
): void {
  const tags = ['quiet hours'];
  const list = async () => ({
    timezone: config.officeTimezone,
    items: [...(await quietHours.list())],
    nextCursor: null,
  });
  const listSchema = z.object({
    timezone: z.string(),
    items: z.array(z.object({ channel, from: localTime, until: localTime })),
    nextCursor: z.null(),
  });

  server.get('/v1/quiet-hours', {
    config: { access: 'author' },
    schema: { tags, summary: 'The quiet hours of each channel that has them', response: { 200: listSchema } },
    handler: list,
  });

  server.put('/v1/quiet-hours/:channel', {
    config: { access: 'admin' },
    schema: {
      tags,
      summary: 'Set the quiet hours of a channel; they hold within two seconds',
      params: z.object({ channel }),
      body: quietHoursSchema,
      response: { 200: listSchema },
    },
    handler: async (request) => {
      await quietHours.set({ channel: request.params.channel, ...request.body }, holderOf(request));
      return list();
    },
  });

  server.delete('/v1/quiet-hours/:channel', {
    config: { access: 'admin' },
    schema: {
      tags,
      summary: 'A channel without quiet hours',
      params: z.object({ channel }),
      response: { 200: listSchema },
    },
    handler: async (request) => {
      await quietHours.clear(request.params.channel, holderOf(request));
      return list();
    },
  });
}
