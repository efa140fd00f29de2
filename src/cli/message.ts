import { type Command, Option } from 'commander';
import { HeraldError } from '../domain/errors.ts';
import { SINGLE_CHANNELS } from '../pipeline/ports.ts';
import { actor, type Context } from './context.ts';
import { count } from './deliveries.ts';
import { type Printing, print } from './output.ts';

interface Options extends Printing {
  readonly user: string;
  readonly channel: string;
  readonly to: string;
  readonly template: string;
  readonly field: readonly string[];
  readonly locale?: string;
  readonly exercise?: true;
  readonly expires?: number;
}

const collect = (value: string, before: readonly string[]) => [...before, value];

export function register(program: Command, { io, withApp }: Context): void {
  program
    .command('message')
    .description('write to one person, before everything else; `test-message` tries a channel')
    .requiredOption('--user <id>', 'who does it, an admin')
    .addOption(new Option('--channel <channel>', 'how').choices(SINGLE_CHANNELS).makeOptionMandatory())
    .requiredOption('--to <address>', 'a phone number or a mailbox')
    .requiredOption('--template <name>', 'one for single messages')
    .option('--field <name=text>', 'what the template shows, e.g. note=Hello; once for each', collect, [])
    .option('--locale <locale>', 'the recipient’s language')
    .option('--exercise', 'through the sandbox')
    .option('--expires <minutes>', 'what is not sent by then is not sent', count)
    .option('--json', 'print {id, delivery}')
    .action(async (options: Options) => {
      const { channel, to, template, locale, exercise, expires } = options;
      const sent = await withApp(async (app) => {
        const { announcementId, n } = await app.messenger.send(
          {
            channel,
            to,
            template,
            fields: fieldsOf(options.field),
            ...(locale !== undefined && { locale }),
            ...(exercise && { mode: 'exercise' }),
            ...(expires !== undefined && { expiresInMinutes: expires }),
          },
          await actor(app, options.user),
        );
        return {
          id: app.ids.encode('announcement', announcementId),
          delivery: app.ids.encode('delivery', announcementId, n),
        };
      });
      print(
        io,
        options,
        sent,
        `${sent.delivery}  on its way\nWhat became of it: GET /v1/deliveries/${sent.delivery}`,
      );
    });
}

function fieldsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
      throw new HeraldError('invalid', 'usage', `--field ${pair} is no pair such as note=Hello`);
    }),
  );
}
