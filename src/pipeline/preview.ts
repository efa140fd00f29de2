import type { Draft } from '../domain/announcement.ts';
import { urgencyOf } from '../domain/announcement.ts';
import type { Channel, Gateway } from '../domain/channel.ts';
import type { EmailContent, SmsContent } from '../domain/message.ts';
import type { OpaqueIds } from '../domain/opaque-id.ts';
import type { TemplateBundle } from '../domain/template.ts';
import { renderContext } from './compose.ts';
import type { Renderer } from './ports.ts';
import type { AnnouncementRecord, AnnouncementStore } from './stores.ts';

/** What a citizen or a newsroom would get, and how many of them. */
export interface Preview {
  readonly locales: readonly {
    readonly locale: string;
    readonly sms?: SmsContent;
    /** The variant for routes that take no links (+86). */
    readonly smsWithoutLinks?: SmsContent;
    readonly email?: Pick<EmailContent, 'subject' | 'text' | 'html'>;
  }[];
  /** The body, as JSON. */
  readonly webhook?: unknown;
  readonly audience: {
    readonly total: number;
    readonly channels: Readonly<Partial<Record<Channel, number>>>;
    /** Contacts whose own language is missing and who get another one. */
    readonly fallback: readonly { readonly wanted: string; readonly gets: string; readonly count: number }[];
  };
  /** SMS segments in all, at the longest variant of each language. */
  readonly segments: number;
  /** Seconds at today's limits, by channel; they run side by side. */
  readonly seconds: Readonly<Partial<Record<Channel, number>>>;
  /** When quiet hours would let it go, for the channels that they hold at its scheduled time, or now. */
  readonly heldUntil: Readonly<Partial<Record<Channel, string>>>;
}

export interface PreviewDeps {
  readonly announcements: Pick<AnnouncementStore, 'audience'>;
  readonly renderer: Renderer;
  readonly ids: OpaqueIds;
  readonly mode: 'trial' | 'live';
  readonly rates: Readonly<Record<Gateway, { readonly sms: number; readonly email: number }>>;
  readonly bundleOf: (draft: Draft) => TemplateBundle;
  readonly heldUntil: HeldUntil;
}

/** When the quiet hours end that these channels are in at an instant (null: now). */
export type HeldUntil = (
  channels: readonly Channel[],
  at: Date | null,
) => Promise<Readonly<Partial<Record<Channel, Date>>>>;

/** Somebody to show it for: a name of ordinary length, and a link as long as the real ones. */
export const SAMPLE = { name: '王芳', leaveUrl: `https://alerts.example.gov.cn/u/${'x'.repeat(30)}` };

/** Renders a draft, or an announcement with the templates that it was frozen with. */
export function createPreviewer(deps: PreviewDeps) {
  return async (what: Draft | AnnouncementRecord, frozen: TemplateBundle | null = null): Promise<Preview> => {
    const record =
      'draft' in what
        ? what
        : {
            id: 0,
            draft: what,
            kind: what.kind,
            urgency: urgencyOf(what),
            mode: what.mode,
            supersedes: null,
          };
    const { draft } = record;
    const bundle = frozen ?? deps.bundleOf(draft);
    const template = deps.renderer.compile(bundle, renderContext(record, bundle, deps.ids));
    const has = (channel: Channel) => draft.channels.includes(channel);

    // The default one first: the database does not keep the order in which they were written.
    const isOther = (locale: string) => Number(locale !== bundle.defaultLocale);
    const written = Object.keys(draft.content).sort((a, b) => isOther(a) - isOther(b) || (a < b ? -1 : 1));
    const locales = written.map((locale) => ({
      locale,
      ...(has('sms') && {
        sms: template.sms(locale, SAMPLE),
        smsWithoutLinks: template.sms(locale, { name: SAMPLE.name }),
      }),
      ...(has('email') && { email: template.email(locale, SAMPLE) }),
    }));
    const webhook = has('webhook')
      ? template.webhook({
          state: 'sending',
          sequence: 1,
          publishedAt: new Date(0).toISOString(),
          supersededBy: null,
          links: {},
        })
      : undefined;

    const longest = (locale: string) =>
      Math.max(
        template.sms(locale, SAMPLE).segments.count,
        template.sms(locale, { name: SAMPLE.name }).segments.count,
      );
    const audience = await deps.announcements.audience(draft);
    const channels: Partial<Record<Channel, number>> = Object.fromEntries(
      draft.channels.map((channel) => [channel, 0]),
    );
    const fallback = new Map<string, { wanted: string; gets: string; count: number }>();
    let segments = 0;
    for (const { channel, locale, count } of audience) {
      if (!has(channel)) continue;
      channels[channel] = (channels[channel] ?? 0) + count;
      if (channel === 'webhook') continue;
      const resolved = template.resolveLocale(locale);
      if (channel === 'sms') segments += count * longest(resolved.locale);
      if (resolved.fallback) {
        const known = fallback.get(locale) ?? { wanted: locale, gets: resolved.locale, count: 0 };
        fallback.set(locale, { ...known, count: known.count + count });
      }
    }
    const scheduledAt = draft.scheduledAt ? new Date(draft.scheduledAt) : null;
    const held = record.urgency === 'urgent' ? {} : await deps.heldUntil(draft.channels, scheduledAt);
    const rates = deps.rates[record.mode === 'live' && deps.mode === 'live' ? 'live' : 'sandbox'];
    return {
      locales,
      ...(webhook && { webhook: JSON.parse(webhook.body) as unknown }),
      audience: {
        total: Object.values(channels).reduce((sum, n) => sum + n, 0),
        channels,
        fallback: [...fallback.values()],
      },
      segments,
      seconds: {
        ...(has('sms') && { sms: segments / rates.sms }),
        ...(has('email') && { email: (channels.email ?? 0) / rates.email }),
      },
      heldUntil: Object.fromEntries(
        Object.entries(held).map(([channel, end]) => [channel, end.toISOString()]),
      ),
    };
  };
}
