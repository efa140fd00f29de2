import type { Command } from 'commander';
import { actor, type Context, readJson } from './context.ts';
import { type Printing, print } from './output.ts';

export function register(program: Command, { io, withApp }: Context): void {
  program
    .command('announce <file>')
    .description('write a draft from a JSON file, the body of POST /v1/announcements; - is stdin')
    .requiredOption('--user <id>', 'who writes it')
    .option('--edit <id>', 'a new revision of this draft instead of a new one')
    .option('--json', 'print {id, state, revision}')
    .action(async (file: string, options: Printing & { user: string; edit?: string }) => {
      const draft = await readJson(io, file);
      const written = await withApp(async (app) => {
        const author = await actor(app, options.user);
        const { id, state, revision } = options.edit
          ? await app.announce.edit(app.ids.decode('announcement', options.edit).id, draft, author)
          : await app.announce.create(draft, author);
        return { id: app.ids.encode('announcement', id), state, revision };
      });
      const { id, revision } = written;
      print(
        io,
        options,
        written,
        `${id}  draft, revision ${revision}\nNext: herald submit ${id} --user ${options.user}`,
      );
    });
}
