import { type Command, InvalidArgumentError, Option } from 'commander';
import { CHANNELS, type Channel } from '../domain/channel.ts';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../domain/delivery.ts';
import { NO_RECEIPT } from '../domain/receipts.ts';
import { maskAddress } from '../pipeline/address.ts';
import { lookUpOf } from '../web/api/deliveries.ts';
import type { Context } from './context.ts';
import { type Printing, print, table } from './output.ts';

interface Options extends Printing {
  readonly channel?: Channel;
  readonly status?: DeliveryStatus;
  readonly limit: number;
  readonly after?: string;
  readonly addresses?: true;
}

/** A whole number from 1 on, for commander. */
export function count(text: string): number {
  const n = Number(text);
  if (Number.isInteger(n) && n >= 1 && n <= 100_000) return n;
  throw new InvalidArgumentError('It must be a whole number from 1 to 100000.');
}

export function register(program: Command, { io, withApp }: Context): void {
  program
    .command('deliveries <id>')
    .description('who of an announcement’s recipients got it, and who did not')
    .addOption(new Option('--channel <channel>', 'only this one').choices(CHANNELS))
    .addOption(new Option('--status <status>', 'only these').choices(DELIVERY_STATUSES))
    .option('--limit <n>', 'most rows', count, 100)
    .option('--after <id>', 'the last delivery of the page before')
    .option('--addresses', 'show addresses in full')
    .option('--json', 'print {items, nextCursor}')
    .action(async (id: string, options: Options) => {
      const { channel, status, limit } = options;
      const page = await withApp(async ({ announce, audit, ids, reports }) => {
        const announcement = await announce.get(ids.decode('announcement', id).id);
        const rows = await reports.deliveries(announcement.id, {
          after: options.after ? ids.decode('delivery', options.after).n : 0,
          limit: limit + 1,
          ...(channel && { channel }),
          ...(status && { status }),
        });
        if (options.addresses) await audit.note(lookUpOf(undefined, announcement.id, rows.slice(0, limit)));
        const addressOf = ({ channel, address }: (typeof rows)[number]) => {
          if (channel === 'webhook') return ids.encode('endpoint', Number(address));
          return options.addresses ? address : maskAddress(channel, address);
        };
        const items = rows.slice(0, limit).map((row) => {
          const { announcementId, n, ...rest } = row;
          return { id: ids.encode('delivery', announcementId, n), ...rest, address: addressOf(row) };
        });
        return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
      });
      const more = page.nextCursor ? `\n… more: --after ${page.nextCursor}` : '';
      print(io, options, page, () =>
        page.items.length === 0
          ? 'none'
          : table(
              ['id', 'channel', 'status', 'attempt', 'address', 'locale', 'code', 'provider id'],
              page.items.map((d) => [
                d.id,
                d.channel,
                d.status,
                d.attempt,
                d.address,
                d.locale,
                d.code === NO_RECEIPT ? 'no receipt' : (d.code ?? ''),
                d.providerMessageId ?? '',
              ]),
            ) + more,
      );
    });
}
