import type { Command } from 'commander';
import type { Context } from './context.ts';
import { type Printing, print, table } from './output.ts';

export function register(program: Command, { io, withApp }: Context): void {
  const keys = program.command('keys').description('keys of the HTTP API; each acts for one user');

  keys
    .command('create')
    .description('make a key; it is shown this once')
    .requiredOption('--user <id>', 'whom it acts for')
    .option('--json', 'print {id, key}')
    .action(async (options: Printing & { user: string }) => {
      const made = await withApp(async (app) => {
        const { id, key } = await app.users.createKey(app.ids.decode('user', options.user).id);
        return { id: app.ids.encode('key', id), key };
      });
      print(
        io,
        options,
        made,
        `${made.key}\n(shown this once; send it as: Authorization: Bearer … — to revoke it: herald keys revoke ${made.id})`,
      );
    });

  keys
    .command('list')
    .description('a user’s keys, by id: what they are is not kept')
    .requiredOption('--user <id>', 'whose')
    .option('--json', 'print {items}')
    .action(async (options: Printing & { user: string }) => {
      const items = await withApp(async (app) => {
        const { id: userId } = await app.users.get(app.ids.decode('user', options.user).id);
        return (await app.users.keys(userId)).map(({ id, createdAt, revokedAt }) => ({
          id: app.ids.encode('key', id),
          createdAt,
          revokedAt,
        }));
      });
      print(io, options, { items }, () =>
        table(
          ['id', 'created', 'revoked'],
          items.map((k) => [k.id, k.createdAt.toISOString(), k.revokedAt?.toISOString() ?? '']),
        ),
      );
    });

  keys
    .command('revoke <id>')
    .description('a key stops working at once')
    .option('--json', 'print {id}')
    .action(async (id: string, options: Printing) => {
      await withApp((app) => app.users.revokeKey(app.ids.decode('key', id).id));
      print(io, options, { id }, `${id} is revoked`);
    });
}
