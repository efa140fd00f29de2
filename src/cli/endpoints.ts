import type { Command } from 'commander';
import { z } from 'zod';
import { code, text } from '../web/api/common.ts';
import { type Context, checked } from './context.ts';
import { type Printing, print, table } from './output.ts';

const inputSchema = z.object({
  outlet: text(200),
  url: z.url().max(2_000),
  topics: z.array(code),
  districts: z.array(code),
});
const split = (codes: string | undefined) => codes?.split(',').flatMap((c) => c.trim() || []) ?? [];

interface AddOptions extends Printing {
  readonly outlet: string;
  readonly url: string;
  readonly topics?: string;
  readonly districts?: string;
}

export function register(program: Command, { io, withApp }: Context): void {
  const endpoints = program.command('endpoints').description('media outlets’ webhooks');

  endpoints
    .command('add')
    .description('register a webhook; its secret is shown this once')
    .requiredOption('--outlet <name>', 'the newsroom')
    .requiredOption('--url <url>', 'where it is posted to')
    .option('--topics <codes>', 'comma-separated; without: all')
    .option('--districts <codes>', 'comma-separated; without: all')
    .option('--json', 'print {id, secret}')
    .action(async (options: AddOptions) => {
      const { outlet, url, topics, districts } = options;
      const input = checked(
        inputSchema,
        { outlet, url, topics: split(topics), districts: split(districts) },
        'the endpoint',
      );
      const made = await withApp(async (app) => {
        const { id, secret } = await app.endpoints.create(input);
        return { id: app.ids.encode('endpoint', id), secret };
      });
      print(
        io,
        options,
        made,
        `${made.id}\n${made.secret}\n(the outlet’s secret, shown this once: with it they check the signatures)`,
      );
    });

  endpoints
    .command('list')
    .description('all endpoints')
    .option('--json', 'print {items}')
    .action(async (options: Printing) => {
      const items = await withApp(async ({ ids, endpoints: store }) => {
        const all = [];
        for (let after = 0; ; ) {
          const page = await store.list({ after, limit: 500 });
          all.push(...page.map(({ id, ...endpoint }) => ({ id: ids.encode('endpoint', id), ...endpoint })));
          const last = page.at(-1);
          if (!last || page.length < 500) return all;
          after = last.id;
        }
      });
      print(io, options, { items }, () =>
        table(
          ['id', 'outlet', 'url', 'topics', 'disabled'],
          items.map((e) => [e.id, e.outlet, e.url, e.topics.join(',') || 'all', e.disabledReason ?? '']),
        ),
      );
    });
}
