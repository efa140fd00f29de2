import type { Channel } from '../../domain/channel.ts';
import { CHANNELS } from '../../domain/channel.ts';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../../domain/delivery.ts';
import type { MessageContent } from '../../domain/message.ts';
import type { AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import type { DeliveryEvent, DeliveryRow } from '../../pipeline/report-store.ts';
import { AnnouncementPage, headlineOf, Marks } from './announcement-frame.tsx';
import { Button, ButtonLink, Field, Select } from './components/form.tsx';
import { Json, Mail, Sms } from './components/message.tsx';
import { Badge, Empty, Notice, type Tone } from './components/notice.tsx';
import { Facts, Pager, Section, Table } from './components/table.tsx';
import { number, Time } from './format.tsx';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import type { View } from './view.ts';
import { deliveries } from './words/deliveries.ts';
import { progress } from './words/progress.ts';
import { reasonFor } from './words/reasons.ts';

export const TONES: Readonly<Record<DeliveryStatus, Tone>> = {
  queued: 'neutral',
  sending: 'neutral',
  unknown: 'warning',
  sent: 'info',
  failed: 'danger',
  undelivered: 'danger',
  delivered: 'good',
  suppressed: 'warning',
  expired: 'warning',
  cancelled: 'warning',
};

interface ListProps {
  readonly view: View;
  readonly record: AnnouncementRecord;
  readonly nameOf: (id: number | null) => string;
  readonly rows: readonly DeliveryRow[];
  readonly filters: {
    readonly q: string;
    readonly channel?: Channel | undefined;
    readonly status?: DeliveryStatus | undefined;
  };
  /** Of the last row, when there are more. */
  readonly last: number | undefined;
  readonly after: number;
  readonly page: string;
  readonly pageOf: (row: DeliveryRow) => string;
  readonly addressOf: (row: DeliveryRow) => string;
}

const why = (view: View, { channel, code, status }: DeliveryRow) =>
  code === null ? '' : reasonFor(view.locale, channel, code || status).why;

export const DeliveriesPage = (props: ListProps): Markup => {
  const { view, record, nameOf, rows, filters, last, after, page, pageOf, addressOf } = props;
  const t = deliveries[view.locale];
  const p = progress[view.locale];
  const list = `${page}/deliveries`;
  const query = (more: { readonly [name: string]: string | number }) => {
    const { channel, status } = filters;
    const params = new URLSearchParams({
      ...(channel && { channel }),
      ...(status && { status }),
      ...Object.fromEntries(Object.entries(more).map(([name, value]) => [name, String(value)])),
    });
    return `?${params}`;
  };
  return (
    <AnnouncementPage
      view={view}
      record={record}
      page={page}
      current="/deliveries"
      nameOf={nameOf}
      actions={<ButtonLink href={`${list}.csv${query({})}`}>{t.csv}</ButtonLink>}
    >
      <p class="intro">{t.intro}</p>
      <form method="get" action={list} class="columns">
        <Field
          view={view}
          name="q"
          type="search"
          label={t.search}
          hint={t.searchHint}
          value={filters.q}
          autocomplete="off"
          maxlength={300}
          optional
        />
        <Select
          view={view}
          name="channel"
          label={t.channel}
          value={filters.channel ?? ''}
          options={[['', t.all], ...CHANNELS.map((channel) => [channel, p[channel]] as const)]}
        />
        <Select
          view={view}
          name="status"
          label={t.status}
          value={filters.status ?? ''}
          options={[['', t.all], ...DELIVERY_STATUSES.map((status) => [status, t[status]] as const)]}
        />
        <Button look="plain">{t.find}</Button>
      </form>
      {rows.length === 0 ? (
        <Empty title={filters.q ? t.noneFor(filters.q) : t.none}>{filters.q && <p>{t.noneForHint}</p>}</Empty>
      ) : (
        <Table
          caption={t.title}
          columns={[
            { label: t.address },
            { label: t.channel },
            { label: t.status },
            { label: t.code },
            { label: t.attempt, numeric: true },
          ]}
          rows={rows.map((row) => [
            <a href={pageOf(row)}>{addressOf(row)}</a>,
            p[row.channel],
            <Badge tone={TONES[row.status]}>{t[row.status]}</Badge>,
            why(view, row),
            number(view, row.attempt),
          ])}
        />
      )}
      <Pager
        view={view}
        earlier={after > 0 ? `${list}${query({})}` : undefined}
        later={last === undefined ? undefined : `${list}${query({ after: last })}`}
      />
    </AnnouncementPage>
  );
};

export const DeliveryPage = (props: {
  readonly view: View;
  readonly record: AnnouncementRecord;
  readonly nameOf: (id: number | null) => string;
  readonly delivery: DeliveryRow & { readonly events: readonly DeliveryEvent[] };
  /** Null: it cannot be made again; undefined: it is not for the visitor. */
  readonly message: MessageContent | null | undefined;
  readonly id: string;
  readonly page: string;
  readonly address: string;
}): Markup => {
  const { view, record, nameOf, delivery, message, id, page, address } = props;
  const t = deliveries[view.locale];
  const p = progress[view.locale];
  return (
    <Page
      view={view}
      title={t.one}
      place="announcements"
      trail={[
        [page, headlineOf(view, record)],
        [`${page}/deliveries`, t.title],
      ]}
    >
      <Marks view={view} record={record} nameOf={nameOf} />
      {record.replacedBy.length > 0 && <Notice kind="warning">{p.superseded}</Notice>}
      <Facts
        facts={[
          [t.status, <Badge tone={TONES[delivery.status]}>{t[delivery.status]}</Badge>],
          ...(delivery.code === null ? [] : [[t.code, `${why(view, delivery)} (${delivery.code})`] as const]),
          [
            t.address,
            delivery.channel === 'webhook' ? <a href={`/console/outlets/${address}`}>{address}</a> : address,
          ],
          [t.channel, p[delivery.channel]],
          [t.language, delivery.locale],
          [t.attempt, number(view, delivery.attempt)],
          ...(delivery.dueAt ? [[t.due, <Time view={view} at={delivery.dueAt} />] as const] : []),
          ...(delivery.providerMessageId
            ? [[t.provider, <code>{delivery.providerMessageId}</code>] as const]
            : []),
        ]}
      />
      <Section id="events" title={t.events}>
        {delivery.events.length === 0 ? (
          <Empty title={t[delivery.status]} />
        ) : (
          <Table
            caption={t.events}
            columns={[{ label: t.at }, { label: t.event }, { label: t.source }, { label: t.detail }]}
            rows={delivery.events.map((event) => [
              <Time view={view} at={event.at} />,
              Object.hasOwn(t, event.type) ? String(t[event.type as DeliveryStatus]) : event.type,
              event.source,
              // Servers name mailboxes in their answers.
              [event.code, message === undefined ? null : event.detail].filter(Boolean).join(' · '),
            ])}
          />
        )}
      </Section>
      <Section id="message" title={t.text} intro={t.textHint}>
        {!message ? (
          <Empty title={message === null ? t.cannotRender : t.forApprovers} />
        ) : (
          <Message view={view} message={message} id={id} />
        )}
      </Section>
    </Page>
  );
};

const Message = ({
  view,
  message,
  id,
}: {
  readonly view: View;
  readonly message: MessageContent;
  readonly id: string;
}): Markup => {
  switch (message.channel) {
    case 'sms':
      return <Sms view={view} sms={message} />;
    case 'email':
      return <Mail view={view} mail={message} src={`/console/deliveries/${id}/mail`} />;
    case 'webhook':
      return <Json value={JSON.parse(message.body)} />;
  }
};
