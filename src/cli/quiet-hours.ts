import type { Command } from 'commander';
import { z } from 'zod';
import { CHANNELS } from '../domain/channel.ts';
import { quietHoursSchema } from '../web/api/quiet-hours.ts';
import { type Context, checked } from './context.ts';
import { type Printing, print, table } from './output.ts';

const channelSchema = z.enum(CHANNELS);

export function register(program: Command, { io, withApp }: Context): void {
  const commands = program
    .command('quiet-hours')
    .description('when normal and routine announcements wait; urgent ones always go');

  /** Changes something, then shows what holds now. */
  const show = (
    options: Printing,
    change: (app: Parameters<Parameters<typeof withApp>[0]>[0]) => Promise<void>,
  ) =>
    withApp(async (app) => {
      await change(app);
      const timezone = app.config.officeTimezone;
      const items = await app.quietHours.list();
      print(io, options, { timezone, items }, () =>
        items.length === 0
          ? 'no quiet hours: everything goes at any time'
          : `${table(
              ['channel', 'from', 'until'],
              items.map(({ channel, from, until }) => [channel, from, until]),
            )}\n(${timezone})`,
      );
    });

  commands
    .command('list', { isDefault: true })
    .description('the quiet hours of each channel that has them')
    .option('--json', 'print {timezone, items}')
    .action((options: Printing) => show(options, async () => undefined));

  commands
    .command('set <channel> <from> <until>')
    .description('e.g. set sms 22:00 08:00, in OFFICE_TIMEZONE')
    .option('--json', 'print {timezone, items}')
    .action((channel: string, from: string, until: string, options: Printing) =>
      show(options, async ({ quietHours }) => {
        const hours = checked(quietHoursSchema, { from, until }, 'the quiet hours');
        await quietHours.set({ channel: checked(channelSchema, channel, 'the channel'), ...hours });
      }),
    );

  commands
    .command('clear <channel>')
    .description('no quiet hours on a channel')
    .option('--json', 'print {timezone, items}')
    .action((channel: string, options: Printing) =>
      show(options, ({ quietHours }) => quietHours.clear(checked(channelSchema, channel, 'the channel'))),
    );
}
