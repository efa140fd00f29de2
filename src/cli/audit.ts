import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { formatAnchor, parseAnchors } from '../domain/audit.ts';
import { auditFilter, auditFilterSchema, auditView } from '../web/api/audit.ts';
import { type Context, checked, readInput } from './context.ts';
import { count } from './deliveries.ts';
import { Failed, type Io, type Printing, print, table } from './output.ts';

/** Most bytes of a file of anchors: one a day for some hundred years. */
const MAX_ANCHOR_BYTES = 10_000_000;

interface ListOptions extends Printing {
  readonly since?: string;
  readonly until?: string;
  readonly actor?: string;
  readonly act?: string;
  readonly subject?: string;
  readonly limit: number;
}

export function register(program: Command, { io, withApp }: Context): void {
  const commands = program.command('audit').description('who did what, when; chained, so that changes show');

  commands
    .command('list')
    .description('newest first')
    .option('--since <time>', 'from then on, e.g. 2026-01-31T00:00:00+08:00')
    .option('--until <time>', 'before then')
    .option('--actor <id>', 'a user, or herald: no user')
    .option('--act <act>', 'e.g. approve, look-up, revoke')
    .option('--subject <subject>', 'an id, a type (subscriber), or a type and a code (topic:fraud)')
    .option('--limit <n>', 'most rows', count, 100)
    .option('--json', 'print {items}')
    .action(async ({ json: _, limit, ...given }: ListOptions, command: Command) => {
      const filter = checked(auditFilterSchema, given, 'the filter');
      const items = await withApp(async ({ audit, ids }) =>
        (await audit.list({ ...auditFilter(ids, filter), limit })).map((row) => auditView(ids, row)),
      );
      print(io, command.opts<Printing>(), { items }, () =>
        items.length === 0
          ? 'none'
          : table(
              ['id', 'at', 'who', 'act', 'subject', 'revision', 'details'],
              items.map((item) => {
                const { operator, ...details } = item.details;
                return [
                  item.id,
                  item.at,
                  [item.actor ?? (operator ? '' : 'Herald'), operator ? `(${operator})` : '']
                    .join(' ')
                    .trim(),
                  item.act,
                  [item.subject.type, item.subject.id ?? ''].join(' ').trim(),
                  item.revision ?? '',
                  Object.entries(details)
                    .map(([name, text]) => `${name}=${text}`)
                    .join(' '),
                ];
              }),
            ),
      );
    });

  commands
    .command('head')
    .description('the newest row, to be kept outside of Herald: an anchor')
    .option('--json', 'print {anchor, installation, id, time, sha256}')
    .action(async (options: Printing) => {
      const head = await withApp(({ audit }) => audit.head());
      const anchor = formatAnchor(head);
      print(io, options, { anchor, ...head }, anchor);
    });

  commands
    .command('verify')
    .description('reads the whole chain; exit code 1 when a link is broken, and which is the first')
    .option(
      '--anchor <text|file>',
      'what was kept outside: the line itself, a file with one or many, - for stdin',
    )
    .option('--json', 'print {rows, head, broken}')
    .action(async (options: Printing & { anchor?: string }) => {
      const anchors = options.anchor === undefined ? [] : parseAnchors(await textOf(io, options.anchor));
      const { rows, head, broken } = await withApp(({ audit }) => audit.verify(anchors));
      print(io, options, { rows, head, broken, anchors: anchors.length }, () =>
        broken
          ? `${rows} rows hold together; then: ${broken.message}`
          : [
              `${rows} rows, one unbroken chain${anchors.length > 0 ? `, as ${anchors.length === 1 ? 'the anchor' : `${anchors.length} anchors`} saw it` : ''}`,
              head ? formatAnchor(head) : '',
              ...(anchors.length > 0
                ? []
                : ['(without an anchor from outside, a tail that was cut off does not show)']),
            ].join('\n'),
      );
      if (broken) throw new Failed(`the audit chain is broken (${broken.kind}): ${broken.message}`);
    });
}

/** An anchor as it was typed, or the file that has it. */
async function textOf(io: Io, given: string): Promise<string> {
  if (given !== '-' && /herald-audit\/1 /.test(given) && !(await isFile(given))) return given;
  return (await readInput(io, given, MAX_ANCHOR_BYTES)).toString('utf8');
}

const isFile = (path: string) =>
  stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
