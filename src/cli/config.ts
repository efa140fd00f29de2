import type { Command } from 'commander';
import { redacted } from '../config.ts';
import type { Context } from './context.ts';
import { type Printing, print, table } from './output.ts';

export function register(program: Command, { io, config }: Context): void {
  program
    .command('config')
    .description('show the configuration that the environment gives, without its secrets')
    .option('--json', 'print it as one object')
    .action(async (options: Printing) => {
      const shown = redacted(config());
      print(io, options, shown, () =>
        table(
          ['setting', 'value'],
          Object.entries(shown).map(([name, value]) => [
            name,
            typeof value === 'string' ? value : (JSON.stringify(value) ?? '(not set)'),
          ]),
        ),
      );
    });
}
