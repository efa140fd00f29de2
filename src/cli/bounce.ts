import type { Command } from 'commander';
import type { Context } from './context.ts';
import { readInput } from './context.ts';
import { type Printing, print } from './output.ts';

const MAX_MAIL_BYTES = 10_000_000;

export function register(program: Command, { io, withApp }: Context): void {
  program
    .command('bounce')
    .description(
      'take one mail to the bounce or leave address from stdin: a bounce report (RFC 3464), or somebody who leaves',
    )
    .option('--json', 'print {applied, unknown}')
    .action(async (options: Printing) => {
      const mail = await readInput(io, '-', MAX_MAIL_BYTES);
      const result = await withApp((app) => app.receive.bounce(mail));
      const strange = result.unknown > 0 ? `; ${result.unknown} name no delivery of ours` : '';
      print(io, options, result, `${result.applied} written down${strange}`);
    });
}
