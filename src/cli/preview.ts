import type { Command } from 'commander';
import { CHANNELS } from '../domain/channel.ts';
import { HeraldError } from '../domain/errors.ts';
import type { SmsContent } from '../domain/message.ts';
import type { Preview } from '../pipeline/preview.ts';
import { type Context, readJson } from './context.ts';
import { findingsText, type Printing, print, printable } from './output.ts';

export function register(program: Command, { io, withApp }: Context): void {
  program
    .command('preview <file>')
    .description(
      'show what an announcement’s file would become on every channel, and for how many; - is stdin',
    )
    .option('--locale <locale>', 'this language only')
    .option('--html', 'show the HTML part of the e-mail too')
    .option('--json', 'print the same as one object')
    .action(async (file: string, options: Printing & { locale?: string; html?: true }) => {
      const draft = await readJson(io, file);
      const preview = await withApp((app) => app.announce.preview({ draft }));
      const locales = preview.locales.filter(
        (l) => options.locale === undefined || l.locale === options.locale,
      );
      if (locales.length === 0) {
        throw new HeraldError(
          'invalid',
          'unknown-locale',
          `the announcement has no text in ${options.locale}`,
          {
            fix: `choose one of ${preview.locales.map((l) => l.locale).join(', ')}`,
          },
        );
      }
      const findings = preview.findings.filter((f) => locales.some((l) => l.locale === f.locale));
      const shown = { ...preview, locales, findings };
      print(io, options, shown, () => printable(describe(shown, options.html ?? false)));
    });
}

const heading = (text: string) => `── ${text} ${'─'.repeat(Math.max(3, 100 - text.length))}`;

function describe(
  { locales, webhook, audience, segments, seconds, heldUntil, problems, findings }: Preview,
  html: boolean,
): string {
  const parts: string[] = [];
  for (const { locale, sms, smsWithoutLinks, email } of locales) {
    if (sms) parts.push(smsText(`SMS ${locale}`, sms));
    if (smsWithoutLinks)
      parts.push(smsText(`SMS ${locale}, where links are not allowed (+86)`, smsWithoutLinks));
    if (email) {
      parts.push(`${heading(`E-mail ${locale}`)}\nSubject: ${email.subject}\n\n${email.text.trimEnd()}`);
      if (html) parts.push(`${heading(`E-mail ${locale}, HTML`)}\n${email.html.trimEnd()}`);
    }
  }
  if (webhook) parts.push(`${heading('Webhook')}\n${JSON.stringify(webhook, null, 2)}`);

  const channels = CHANNELS.flatMap((c) =>
    audience.channels[c] === undefined ? [] : [`${c} ${audience.channels[c]}`],
  );
  const estimate = CHANNELS.flatMap((c) =>
    seconds[c] === undefined ? [] : [`${c} ${Math.ceil(seconds[c])} s`],
  );
  parts.push(
    [
      heading('Audience'),
      `${audience.total} messages${channels.length > 0 ? `: ${channels.join(', ')}` : ''}, to ${audience.citizens} citizens`,
      ...audience.fallback.map(
        (f) => `${f.count} of them want ${f.wanted}, which there is not, and get ${f.gets}`,
      ),
      ...(segments > 0 ? [`${segments} SMS segments`] : []),
      ...problems.map((problem) => `cannot be submitted like this: ${problem}`),
      ...(estimate.length > 0 ? [`estimated time at the configured limits: ${estimate.join(', ')}`] : []),
      ...Object.entries(heldUntil).map(
        ([channel, end]) => `${channel} waits for the end of quiet hours, ${end}`,
      ),
    ].join('\n'),
  );
  if (findings.length > 0) parts.push(`${heading('Privacy lint')}\n${findingsText(findings)}`);
  return parts.join('\n\n');
}

function smsText(title: string, { body, segments }: SmsContent): string {
  const { encoding, count, units } = segments;
  return `${heading(`${title} · ${encoding}, ${count} segment${count === 1 ? '' : 's'}, ${units} units`)}\n${body}`;
}
