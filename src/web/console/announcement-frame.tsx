import { type AnnouncementState, STATES } from '../../domain/announcement.ts';
import type { AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import { Badge, Notice, type Tone } from './components/notice.tsx';
import { Tabs } from './components/table.tsx';
import { Fragment, h, type Markup, type PropsWithChildren } from './jsx.ts';
import { Page, type PageProps } from './layout.tsx';
import type { View } from './view.ts';
import { announcements } from './words/announcements.ts';

const TONES: Readonly<Record<AnnouncementState, Tone>> = {
  draft: 'neutral',
  submitted: 'warning',
  approved: 'info',
  sending: 'info',
  paused: 'warning',
  completed: 'good',
  rejected: 'danger',
  cancelled: 'neutral',
  expired: 'neutral',
};

export const isState = (state: string | undefined): state is AnnouncementState =>
  (STATES as readonly (string | undefined)[]).includes(state);

export const StateBadge = ({
  view,
  state,
}: {
  readonly view: View;
  readonly state: AnnouncementState;
}): Markup => <Badge tone={TONES[state]}>{announcements[view.locale][state]}</Badge>;

/** What it is called where there is a line for it: its headline, or the first of its texts. */
export function headlineOf(
  view: View,
  { draft }: { readonly draft: Pick<AnnouncementRecord['draft'], 'content'> },
): string {
  const texts = [draft.content[view.locale], ...Object.values(draft.content)];
  const found = texts.flatMap((fields) => [fields?.headline, ...Object.values(fields ?? {})]);
  const text = found.find((one) => one?.trim())?.trim() ?? announcements[view.locale].untitled;
  return [...text].length > 80 ? `${[...text].slice(0, 80).join('')}…` : text;
}

/** Whether this announcement, or what approves it, must be known on every page that shows it. */
export const Marks = ({
  view,
  record,
  nameOf,
}: {
  readonly view: View;
  readonly record: AnnouncementRecord;
  readonly nameOf: (id: number | null) => string;
}): Markup => {
  const t = announcements[view.locale];
  return (
    <Fragment>
      {record.mode === 'exercise' && (
        <Notice kind="warning" title={t.exercise}>
          {t.exerciseMeans}
        </Notice>
      )}
      {record.breakGlassReason !== null && (
        <Notice kind="danger" title={t.breakGlass}>
          {t.breakGlassBy(nameOf(record.approvedBy))} {record.breakGlassReason}
        </Notice>
      )}
    </Fragment>
  );
};

/** What it is and where it stands. @param props.moved sent to a page that shows them already, in place of those */
export const Badges = ({
  view,
  record,
  moved = false,
}: {
  readonly view: View;
  readonly record: Pick<AnnouncementRecord, 'state' | 'kind' | 'urgency' | 'mode'>;
  readonly moved?: boolean;
}): Markup => {
  const t = announcements[view.locale];
  return (
    <p class="badges" id="badges" {...(moved && { 'hx-swap-oob': 'true' })}>
      <StateBadge view={view} state={record.state} />
      <Badge>{t[record.kind]}</Badge>
      <Badge tone={record.urgency === 'urgent' ? 'danger' : 'neutral'}>{t[record.urgency]}</Badge>
      {record.mode === 'exercise' && <Badge tone="warning">{t.exercise}</Badge>}
    </p>
  );
};

/** Every page of one announcement: what it is called, its marks, and the way to its other pages. */
export const AnnouncementPage = ({
  view,
  record,
  page,
  current,
  nameOf,
  children,
  ...rest
}: PropsWithChildren<
  {
    readonly view: View;
    readonly record: AnnouncementRecord;
    /** Its address. */
    readonly page: string;
    readonly current: '' | '/approve' | '/progress' | '/deliveries';
    readonly nameOf: (id: number | null) => string;
  } & Pick<PageProps, 'scripts' | 'actions'>
>): Markup => {
  const t = announcements[view.locale];
  const tabs = [
    [page, t.text],
    [`${page}/approve`, record.state === 'submitted' ? t.decide : t.messages],
    ...(record.approvedAt
      ? ([
          [`${page}/progress`, t.progress],
          [`${page}/deliveries`, t.deliveries],
        ] as const)
      : []),
  ] as const;
  return (
    <Page
      view={view}
      title={headlineOf(view, record)}
      place="announcements"
      trail={[
        ['/console/announcements', t.title],
        [`/console/announcements?search=${encodeURIComponent(record.case.reference)}`, record.case.reference],
      ]}
      {...rest}
    >
      <Badges view={view} record={record} />
      <Marks view={view} record={record} nameOf={nameOf} />
      <Tabs label={t.parts} tabs={tabs} current={`${page}${current}`} />
      {children}
    </Page>
  );
};
