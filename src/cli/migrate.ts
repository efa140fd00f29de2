import type { Command } from 'commander';
import type { Context } from './context.ts';
import { type Printing, print } from './output.ts';

export function register(program: Command, { io, withGround }: Context): void {
  program
    .command('migrate')
    .description('bring the database to the schema of this Herald; safe to run twice, and by two at a time')
    .option('--json', 'print {ok}')
    .action(async (options: Printing) => {
      const { migrateDatabase } = await import('../app.ts');
      await withGround(migrateDatabase);
      print(io, options, { ok: true }, 'the database has the schema of this Herald');
    });
}
