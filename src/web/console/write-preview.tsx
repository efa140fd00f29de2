import { CHANNELS } from '../../domain/channel.ts';
import { forecast } from '../../domain/forecast.ts';
import { CASE } from '../../domain/privacy-lint.ts';
import { containsUrl } from '../../domain/urls.ts';
import type { Preview } from '../../pipeline/preview.ts';
import { Json, Sms } from './components/message.tsx';
import { Notice } from './components/notice.tsx';
import { dateTime, languageName, money, number, timeOfDay } from './format.tsx';
import { Fragment, h, type Markup } from './jsx.ts';
import { announcements } from './words/announcements.ts';
import { write } from './words/write.ts';
import { Found } from './write-fields.tsx';
import { Part } from './write-part.tsx';
import type { Sketch, Writing } from './writing.ts';
import { fromLocal } from './zoned-time.ts';

/** What stands beside the form: whom it reaches, and what they get. Its parts are drawn again while one types. */
export const Beside = (props: Writing): Markup => {
  const { view, template } = props;
  const t = write[view.locale];
  const a = announcements[view.locale];
  return (
    <aside
      id="beside"
      class="beside"
      aria-label={t.previewTitle}
      tabindex={0}
      hx-post="/console/announcements/preview"
      hx-include="#draft"
      hx-trigger="input from:#draft delay:600ms"
      hx-sync="this:replace"
      hx-swap="none"
    >
      <section class="section">
        <h2>{t.reach}</h2>
        <Reach {...props} again={false} />
      </section>
      {inOrder(props).map((locale) => (
        <section class="section shown">
          <h2>{languageName(view, locale)}</h2>
          <SmsPart {...props} locale={locale} again={false} />
          <div class="by-mail">
            <h3>{a.email}</h3>
            <MailPart {...props} locale={locale} again={false} />
            <details>
              <summary>{t.asHtml}</summary>
              <MailFrame {...props} locale={locale} again={false} />
            </details>
          </div>
        </section>
      ))}
      {template.locales.length > 0 && (
        <details class="section by-webhook">
          <summary>{t.json}</summary>
          <JsonPart {...props} again={false} />
        </details>
      )}
    </aside>
  );
};

/** The default language first: it must be written. */
export const inOrder = ({
  template,
  defaultLocale,
}: Pick<Sketch, 'template' | 'defaultLocale'>): readonly string[] =>
  [...template.locales].sort(
    (one, other) => Number(other === defaultLocale) - Number(one === defaultLocale) || (one < other ? -1 : 1),
  );

/** All that is drawn again after something was typed. */
export const PreviewParts = (props: Sketch): Markup => {
  const { form, template } = props;
  return (
    <Fragment>
      <Reach {...props} again />
      {CHANNELS.map((channel) => (
        <ChannelCount {...props} channel={channel} again />
      ))}
      {inOrder(props).map((locale) => (
        <Fragment>
          <SmsPart {...props} locale={locale} again />
          <MailPart {...props} locale={locale} again />
          {template.manifest.fields.map(({ name }) => (
            <Found {...props} locale={locale} field={name} text={form.content[locale]?.[name] ?? ''} again />
          ))}
        </Fragment>
      ))}
      <Found {...props} locale={CASE} field="title" text={form.caseTitle} again />
      <JsonPart {...props} again />
    </Fragment>
  );
};

type PartProps = Sketch & { readonly again: boolean };

/** Beside a channel's name: how many it reaches. */
export const ChannelCount = ({
  view,
  preview,
  channel,
  again,
}: PartProps & { readonly channel: (typeof CHANNELS)[number] }): Markup => {
  const t = write[view.locale];
  const count = preview?.audience.channels[channel];
  const said = number(view, count ?? 0);
  return (
    <Part id={`count-${channel}`} again={again} class="count">
      {count === undefined ? '' : channel === 'webhook' ? t.outlets(said) : t.people(said)}
    </Part>
  );
};

/** Today by its hour, any other day with its date. */
const near = (props: Sketch, at: Date): string =>
  Math.abs(at.getTime() - props.now.getTime()) < 12 * 3_600_000
    ? timeOfDay(props.view, at)
    : dateTime(props.view, at);

const Reach = (props: PartProps): Markup => {
  const { view, preview, noPreview, again } = props;
  const t = write[view.locale];
  return (
    <Part id="reach" again={again}>
      {preview ? (
        <Reached {...props} preview={preview} />
      ) : (
        <p class="hint">{noPreview === 'refused' ? t.cannotShow : t.previewWaits}</p>
      )}
    </Part>
  );
};

const Reached = (props: Sketch & { readonly preview: Preview }): Markup => {
  const { view, preview, form, price, now, follows } = props;
  const t = write[view.locale];
  const a = announcements[view.locale];
  const { audience, segments } = preview;
  const planned = forecast(
    {
      counts: audience.channels,
      seconds: preview.seconds,
      heldUntil: preview.heldUntil,
      scheduledAt: fromLocal(form.scheduledAt, view.timezone)?.toISOString(),
      expiresAt: fromLocal(form.expiresAt, view.timezone)?.toISOString(),
    },
    now.getTime(),
  );
  return (
    <Fragment>
      <dl class="reach">
        {planned.map(({ channel, count, endsAt }) => (
          <div>
            <dt>{a[channel]}</dt>
            <dd>
              <b>{number(view, count)}</b>
              {channel !== 'webhook' && count > 0 && <span class="hint"> {t.ends(near(props, endsAt))}</span>}
            </dd>
          </div>
        ))}
        {segments > 0 && (
          <div>
            <dt>{price ? t.cost : t.segmentsInAll}</dt>
            <dd>
              <b>
                {price ? money(view, segments * price.perSegment, price.currency) : number(view, segments)}
              </b>
              {price && <span class="hint"> {t.total(number(view, segments))}</span>}
            </dd>
          </div>
        )}
      </dl>
      {audience.total === 0 && form.kind !== 'retraction' && <Notice kind="warning">{t.nobody}</Notice>}
      {follows && (
        <Notice kind="info">
          {form.kind === 'retraction'
            ? t.reachesRetraction(number(view, follows.readers))
            : t.reachesUpdate(number(view, follows.readers), number(view, follows.others))}{' '}
          {t.beyondRecall(number(view, follows.beyondRecall))}
        </Notice>
      )}
      {preview.problems.length > 0 && (
        <Notice kind="danger" title={t.problem}>
          {preview.locales.some(({ smsWithoutLinks }) => containsUrl(smsWithoutLinks?.body ?? ''))
            ? t.linkNotAllowed
            : t.tooManySegments}
        </Notice>
      )}
      {planned
        .filter(({ unreached }) => unreached > 0)
        .map(({ channel, unreached }) => (
          <Notice kind="warning">{t.unreached(number(view, unreached), a[channel])}</Notice>
        ))}
      {planned.flatMap(({ channel, startsAt }) =>
        preview.heldUntil[channel]
          ? [<Notice kind="warning">{t.held(a[channel], near(props, startsAt))}</Notice>]
          : [],
      )}
      {audience.fallback.map(({ wanted, gets, count }) => (
        <Notice kind="info">
          {t.fallback(number(view, count), languageName(view, wanted), languageName(view, gets))}
        </Notice>
      ))}
    </Fragment>
  );
};

type InLanguage = PartProps & { readonly locale: string };
const rendered = ({ preview, locale }: InLanguage) => preview?.locales.find((one) => one.locale === locale);

const SmsPart = (props: InLanguage): Markup => {
  const { view, locale, price, again } = props;
  const t = write[view.locale];
  const { sms, smsWithoutLinks } = rendered(props) ?? {};
  return (
    <Part id={`sms-${locale}`} again={again} class="by-sms">
      {sms && (
        <Fragment>
          <h3>{announcements[view.locale].sms}</h3>
          <Sms view={view} sms={sms} lang={locale} price={price} marks />
          {smsWithoutLinks && smsWithoutLinks.body !== sms.body && (
            <Fragment>
              <h3>{t.withoutLinks}</h3>
              <Sms view={view} sms={smsWithoutLinks} lang={locale} price={price} marks />
            </Fragment>
          )}
        </Fragment>
      )}
    </Part>
  );
};

const MailPart = (props: InLanguage): Markup => {
  const { view, locale, again } = props;
  const t = write[view.locale];
  const mail = rendered(props)?.email;
  return (
    <Part id={`mail-${locale}`} again={again} class="mail-part" lang={locale}>
      {mail && (
        <Fragment>
          <p>
            <span class="hint" lang={view.locale}>
              {t.subject}
            </span>{' '}
            <b>{mail.subject}</b>
          </p>
          <pre class="message">{mail.text}</pre>
        </Fragment>
      )}
    </Part>
  );
};

/** A mail as its readers see it, from the draft as it is saved: it comes by an address of its own, under its own policy. */
export const MailFrame = (
  props: Pick<Writing, 'view' | 'id' | 'version' | 'saved'> & {
    readonly locale: string;
    readonly again: boolean;
  },
): Markup => {
  const { view, id, version, saved, locale, again } = props;
  const t = write[view.locale];
  const is = saved?.channels.includes('email') && Object.hasOwn(saved.content, locale);
  const query = new URLSearchParams({ locale, v: version });
  const src = `/console/announcements/${id}/mail?${query}`;
  return (
    <Part id={`frame-${locale}`} again={again} class="mail">
      {is ? (
        <iframe
          src={src}
          title={`${t.asHtml} ${languageName(view, locale)}`}
          sandbox=""
          loading="lazy"
          lang={locale}
        />
      ) : (
        <p class="hint">{t.htmlAfterSave}</p>
      )}
    </Part>
  );
};

const JsonPart = ({ preview, again }: PartProps): Markup => (
  <Part id="json" again={again} class="json">
    {preview?.webhook !== undefined && <Json value={preview.webhook} />}
  </Part>
);
