import type { Draft } from '../domain/announcement.ts';
import { urgencyOf } from '../domain/announcement.ts';
import type { Channel, Gateway, Route } from '../domain/channel.ts';
import type { HeraldError } from '../domain/errors.ts';
import { LEAVE_TOKEN_LENGTH } from '../domain/leave-token.ts';
import type { EmailContent, SmsContent } from '../domain/message.ts';
import type { OpaqueIds } from '../domain/opaque-id.ts';
import { type ReasonedFinding, reasonedFindings } from '../domain/privacy-lint.ts';
import type { TemplateBundle } from '../domain/template.ts';
import type { AnnouncementRecord, AnnouncementStore } from './announcement-store.ts';
import { smsProblem } from './check-announcement.ts';
import { renderContext } from './compose.ts';
import type { CompiledTemplate, Renderer } from './ports.ts';

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
    /** Messages in all. */
    readonly total: number;
    /** Each once, on however many channels. */
    readonly citizens: number;
    readonly channels: Readonly<Partial<Record<Channel, number>>>;
    /** Contacts whose own language is missing and who get another one. */
    readonly fallback: readonly { readonly wanted: string; readonly gets: string; readonly count: number }[];
  };
  /** SMS segments in all, at the longest variant of each language. */
  readonly segments: number;
  /** What submission would refuse: the SMS provider would not carry it. */
  readonly problems: readonly string[];
  /** What the privacy lint found; submission refuses those without a reason. */
  readonly findings: readonly ReasonedFinding[];
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
  readonly smsRoutes: readonly Route[];
  readonly publicUrl: string;
  readonly bundleOf: (draft: Draft) => TemplateBundle;
  readonly heldUntil: HeldUntil;
}

/** When the quiet hours end that these channels are in at an instant (null: now). */
export type HeldUntil = (
  channels: readonly Channel[],
  at: Date | null,
) => Promise<Readonly<Partial<Record<Channel, Date>>>>;

/** Somebody to show it for: a name of ordinary length, and a link as long as the real ones. */
const sampleOf = (publicUrl: string) => ({
  name: '王芳',
  leaveUrl: `${publicUrl}/u/${'x'.repeat(LEAVE_TOKEN_LENGTH)}`,
});

/** What the routes of the SMS provider would not carry, by language. */
export function* smsProblems(
  template: CompiledTemplate,
  locales: readonly string[],
  routes: readonly Route[],
  publicUrl: string,
): Generator<HeraldError> {
  const { name, leaveUrl } = sampleOf(publicUrl);
  for (const locale of locales) {
    for (const route of routes) {
      const sms = template.sms(locale, route.links ? { name, leaveUrl } : { name });
      const problem = smsProblem(sms, route, `the SMS in ${locale}`, `content.${locale}`);
      if (problem) yield problem;
    }
  }
}

/** Renders a draft, or an announcement with the templates that it was frozen with. */
export function createPreviewer(deps: PreviewDeps) {
  type Previewed = Pick<AnnouncementRecord, 'draft' | 'supersedes'>;
  return async (
    what: Previewed | AnnouncementRecord,
    frozen: TemplateBundle | null = null,
  ): Promise<Preview> => {
    const { draft } = what;
    const record =
      'id' in what ? what : { ...what, id: 0, kind: draft.kind, urgency: urgencyOf(draft), mode: draft.mode };
    const sample = sampleOf(deps.publicUrl);
    const bundle = frozen ?? deps.bundleOf(draft);
    const template = deps.renderer.compile(bundle, renderContext(record, bundle, deps.ids));
    const has = (channel: Channel) => draft.channels.includes(channel);

    // The default one first: the database does not keep the order in which they were written.
    const isOther = (locale: string) => Number(locale !== bundle.defaultLocale);
    const written = Object.keys(draft.content).sort((a, b) => isOther(a) - isOther(b) || (a < b ? -1 : 1));
    const locales = written.map((locale) => ({
      locale,
      ...(has('sms') && {
        sms: template.sms(locale, sample),
        smsWithoutLinks: template.sms(locale, { name: sample.name }),
      }),
      ...(has('email') && { email: template.email(locale, sample) }),
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
        template.sms(locale, sample).segments.count,
        template.sms(locale, { name: sample.name }).segments.count,
      );
    const { counts, citizens } = await deps.announcements.audience(draft, record.supersedes);
    const channels: Partial<Record<Channel, number>> = Object.fromEntries(
      draft.channels.map((channel) => [channel, 0]),
    );
    const fallback = new Map<string, { wanted: string; gets: string; count: number }>();
    let segments = 0;
    for (const { channel, locale, count } of counts) {
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
        citizens,
        channels,
        fallback: [...fallback.values()],
      },
      segments,
      problems: has('sms')
        ? [...smsProblems(template, written, deps.smsRoutes, deps.publicUrl)].map(({ message }) => message)
        : [],
      findings: reasonedFindings(draft),
      seconds: {
        ...(channels.sms !== undefined && { sms: segments / rates.sms }),
        ...(channels.email !== undefined && { email: (channels.email ?? 0) / rates.email }),
      },
      heldUntil: Object.fromEntries(
        Object.entries(held).map(([channel, end]) => [channel, end.toISOString()]),
      ),
    };
  };
}
