import { canonicalSha256, requireRole } from '../domain/announcement.ts';
import { type Channel, type Gateway, type Route, routeFor } from '../domain/channel.ts';
import { HeraldError, type Issue } from '../domain/errors.ts';
import type { OpaqueIds } from '../domain/opaque-id.ts';
import { messageSchema } from '../domain/single-message.ts';
import type { OfficeStyle } from '../domain/template.ts';
import { normaliseEmail, normalisePhone } from './address.ts';
import type { Actor } from './announcement-store.ts';
import { fieldIssues, smsProblem } from './check-announcement.ts';
import { renderContext } from './compose.ts';
import type { MessageDraft, MessageStore, NewMessage } from './message-store.ts';
import type { Job, Renderer, SingleChannel, TemplateLibrary } from './ports.ts';

/**
 * The lane for single messages: to one person, not a publication, so nobody else approves it. It goes before
 * everything else, through connections and a queue of its own.
 */
export interface Messenger {
  /**
   * @param input what `POST /v1/messages` takes
   * @param actor null: Herald itself
   * @returns the numbers behind its ids, when it is written down: it is sent within seconds, or expires
   * @throws HeraldError `role-required`, `invalid-message`, `unknown-template`, `no-provider`, `address-suppressed`,
   *   `no-route`, `link-not-allowed`, `too-many-segments`
   */
  send(input: unknown, actor: Actor | null): Promise<{ readonly announcementId: number; readonly n: number }>;
  /** Checks all that {@link send} checks but suppressions, for who writes it down in a transaction of their own. */
  prepare(input: unknown, actor: Actor | null): NewMessage;
}

export interface MessengerDeps {
  readonly messages: MessageStore;
  readonly templates: TemplateLibrary;
  readonly renderer: Renderer;
  readonly ids: OpaqueIds;
  readonly style: OfficeStyle;
  readonly mode: 'trial' | 'live';
  /** Why a channel cannot be sent through a gateway; undefined when it can. */
  readonly missingProvider: (channel: Channel, gateway: Gateway) => string | undefined;
  /** What the routes of the SMS provider allow. */
  readonly smsRoutes: readonly Route[];
  /** Enqueues it at once instead of at the sweeper's next turn; never throws. */
  readonly wake: (job: Job) => Promise<void>;
}

const ADDRESS: Readonly<
  Record<SingleChannel, { readonly normalise: (text: string) => string | undefined; readonly wrong: string }>
> = {
  sms: { normalise: normalisePhone, wrong: 'is not a number that can get an SMS' },
  email: { normalise: normaliseEmail, wrong: 'is not a mailbox' },
};

export function createMessenger(deps: MessengerDeps): Messenger {
  const { style } = deps;

  /** What it says must be right before it is written down: nobody looks at it again. */
  function checkRenders(
    draft: MessageDraft,
    bundle: ReturnType<TemplateLibrary['bundle']>,
    to: Recipient,
  ): void {
    const record = {
      id: 0,
      kind: 'message',
      urgency: 'urgent',
      mode: draft.mode,
      supersedes: null,
      draft,
    } as const;
    const template = deps.renderer.compile(bundle, renderContext(record, bundle, deps.ids));
    if (to.channel !== 'sms') return;
    const route = routeFor({ routes: deps.smsRoutes }, to.address);
    if (!route)
      throw new HeraldError('invalid', 'no-route', 'the SMS provider serves no route to this number');
    const problem = smsProblem(
      template.sms(template.resolveLocale(to.locale).locale, { name: null }),
      route,
      'the SMS',
      'fields',
    );
    if (problem) throw problem;
  }

  return {
    prepare(input, actor) {
      if (actor) requireRole(actor.role, 'admin');
      const wanted = parse(input);
      const { channel, template, fields, mode, expiresInMinutes, locale = style.defaultLocale } = wanted;
      const bundle = deps.templates.bundle(template, { ...style, purpose: 'message' });
      const address = ADDRESS[channel].normalise(wanted.to);
      const issues = [...fieldIssues(fields, bundle.manifest, 'fields')];
      if (address === undefined || issues.length > 0)
        throw refuse([
          ...(address === undefined ? [{ path: 'to', message: ADDRESS[channel].wrong }] : []),
          ...issues,
        ]);

      const gateway: Gateway = mode === 'exercise' || deps.mode === 'trial' ? 'sandbox' : 'live';
      const missing = deps.missingProvider(channel, gateway);
      if (missing)
        throw new HeraldError('conflict', 'no-provider', `${channel} cannot be sent: ${missing}`, {
          fix: 'configure it, or use another channel',
        });

      // The same in each of the template's languages: the recipient's is chosen when it is sent, as ever.
      const content = Object.fromEntries(Object.keys(bundle.locales).map((spoken) => [spoken, fields]));
      const draft: MessageDraft = { kind: 'message', template, channels: [channel], mode, content };
      checkRenders(draft, bundle, { channel, address, locale });
      const sha256 = canonicalSha256({ draft, bundle });
      return { draft, bundle, sha256, address, locale, gateway, expiresInMinutes, by: actor };
    },

    async send(input, actor) {
      const { job, ...written } = await deps.messages.add(this.prepare(input, actor));
      await deps.wake(job);
      return written;
    },
  };
}

interface Recipient {
  readonly channel: SingleChannel;
  readonly address: string;
  readonly locale: string;
}

function parse(input: unknown) {
  const parsed = messageSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw refuse(parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })));
}

function refuse(issues: readonly Issue[]): HeraldError {
  const named = issues.map((i) => `${i.path || 'message'}: ${i.message}`).join('; ');
  return new HeraldError('invalid', 'invalid-message', `the message cannot be taken: ${named}`, { issues });
}
