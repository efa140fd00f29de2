import { type Command, Option } from 'commander';
import { ROLES, type Role } from '../domain/announcement.ts';
import { text } from '../web/api/common.ts';
import { type Context, checked } from './context.ts';
import { type Printing, print, table } from './output.ts';

export function register(program: Command, { io, withApp }: Context): void {
  const users = program.command('users').description('the press office’s people');

  users
    .command('add')
    .description('add a user')
    .requiredOption('--name <name>', 'as colleagues know them')
    .addOption(new Option('--role <role>', 'what they may do').choices(ROLES).makeOptionMandatory())
    .option('--json', 'print {id, name, role}')
    .action(async (options: Printing & { name: string; role: Role }) => {
      const name = checked(text(200), options.name, '--name');
      const { role } = options;
      const id = await withApp(async (app) =>
        app.ids.encode('user', (await app.users.add({ name, role })).id),
      );
      print(
        io,
        options,
        { id, name, role },
        `${id}  ${role} ${name}\nA link to sign in with: herald users invite --user ${id}\nA key for the API: herald keys create --user ${id}`,
      );
    });

  users
    .command('list')
    .description('everybody, disabled ones too')
    .option('--json', 'print {items}')
    .action(async (options: Printing) => {
      const items = await withApp(async (app) =>
        (await app.users.list()).map(({ id, ...user }) => ({ id: app.ids.encode('user', id), ...user })),
      );
      print(io, options, { items }, () =>
        items.length === 0
          ? 'There is nobody yet: herald users add --name … --role admin'
          : table(
              ['id', 'role', 'name', 'disabled'],
              items.map((u) => [u.id, u.role, u.name, u.disabledAt?.toISOString() ?? '']),
            ),
      );
    });

  users
    .command('invite')
    .description('a one-time link to the console; what they signed in with before ends')
    .requiredOption('--user <id>', 'whom; also somebody who lost password or second factor')
    .option('--json', 'print {id, url, expiresAt}')
    .action(async ({ user: id, ...options }: Printing & { user: string }) => {
      const { url, expiresAt } = await withApp((app) =>
        app.identity.invite(app.ids.decode('user', id).id, undefined),
      );
      print(
        io,
        options,
        { id, url, expiresAt },
        `${url}\nIt works once, until ${expiresAt.toISOString()}; hand it over by a way that you trust.`,
      );
    });

  users
    .command('disable <id>')
    .description('the user’s keys and sessions stop working at once')
    .option('--json', 'print {id, disabledAt}')
    .action(async (id: string, options: Printing) => {
      const user = await withApp((app) => app.users.disable(app.ids.decode('user', id).id));
      print(
        io,
        options,
        { id, disabledAt: user.disabledAt },
        `${user.name} is disabled; their keys and sessions no longer work`,
      );
    });
}
