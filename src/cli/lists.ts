import type { Command } from 'commander';
import { z } from 'zod';
import { HeraldError } from '../domain/errors.ts';
import { localeSchema } from '../domain/template.ts';
import { code, text } from '../web/api/common.ts';
import { type Context, checked, readJson } from './context.ts';
import { type Printing, print, table } from './output.ts';

const entrySchema = z.strictObject({ code, names: z.record(localeSchema, text(200)).default({}) });
const fileSchema = z.array(entrySchema).min(1).max(5_000);

const collect = (value: string, before: readonly string[]) => [...before, value];

export function register(program: Command, context: Context): void {
  registerList(program, context, 'topics', 'topic');
  registerList(program, context, 'districts', 'district');
}

/** Both lists have the same commands. */
function registerList(
  program: Command,
  { io, withApp }: Context,
  list: 'topics' | 'districts',
  noun: string,
): void {
  const commands = program.command(list).description(`the office’s ${list}`);

  commands
    .command('add [code]')
    .description(`add a ${noun}, or all of a file that are not there yet`)
    .option(
      '--name <locale=name>',
      'what citizens read, e.g. en=Traffic; once for each language',
      collect,
      [],
    )
    .option('--file <file>', 'JSON: [{"code", "names": {"zh-CN": …, "en": …}}, …]; - is stdin')
    .option('--json', 'print {added, existing}')
    .action(async (typed: string | undefined, options: Printing & { name: string[]; file?: string }) => {
      if ((typed === undefined) === (options.file === undefined)) {
        throw new HeraldError('invalid', 'usage', `give either a code or --file`, {
          fix: `herald ${list} add traffic --name en=Traffic`,
        });
      }
      const entries = options.file
        ? checked(fileSchema, await readJson(io, options.file), options.file)
        : [checked(entrySchema, { code: typed, names: namesOf(options.name) }, `the ${noun}`)];
      const result = await withApp(async ({ lists }) => {
        const known = new Set((await lists.list(list, { archived: true })).map((entry) => entry.code));
        const missing = options.file ? entries.filter((entry) => !known.has(entry.code)) : entries;
        for (const entry of missing) await lists.add(list, entry);
        const added = missing.map((entry) => entry.code);
        return { added, existing: entries.map((entry) => entry.code).filter((c) => !added.includes(c)) };
      });
      const there = result.existing.length > 0 ? `; there already: ${result.existing.join(', ')}` : '';
      print(io, options, result, `added: ${result.added.join(', ') || 'none'}${there}`);
    });

  commands
    .command('list')
    .description(`all ${list}`)
    .option('--archived', 'archived ones too')
    .option('--json', 'print {items}')
    .action(async (options: Printing & { archived?: true }) => {
      const entries = await withApp(({ lists }) => lists.list(list, { archived: options.archived ?? false }));
      const items = entries.map(({ id: _, ...entry }) => entry);
      print(io, options, { items }, () =>
        table(
          ['code', 'names', 'archived'],
          items.map((e) => [
            e.code,
            Object.entries(e.names)
              .map(([l, n]) => `${l}=${n}`)
              .join('  '),
            e.archivedAt?.toISOString() ?? '',
          ]),
        ),
      );
    });
}

function namesOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
      throw new HeraldError('invalid', 'usage', `--name ${pair} is no pair such as en=Traffic`);
    }),
  );
}
