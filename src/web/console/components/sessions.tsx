import type { SessionSummary } from '../../../pipeline/account-store.ts';
import { Time } from '../format.tsx';
import { h, type Markup } from '../jsx.ts';
import type { View } from '../view.ts';
import { account } from '../words/account.ts';
import { Act } from './form.tsx';
import { Badge } from './notice.tsx';
import { Table } from './table.tsx';

/** Browser and system, as far as a browser tells: enough to know one's own devices by. First that fits. */
const BROWSERS = [
  ['Edge', /Edg(?:A|iOS)?\//],
  ['WeChat', /MicroMessenger/],
  ['Firefox', /Firefox|FxiOS/],
  ['Chrome', /Chrom(?:e|ium)\/|CriOS/],
  ['Safari', /Safari\//],
] as const;
const SYSTEMS = [
  ['HarmonyOS', /HarmonyOS|OpenHarmony/],
  ['Android', /Android/],
  ['iPhone', /iPhone/],
  ['iPad', /iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
] as const;

export function deviceOf(userAgent: string): string {
  const first = (list: readonly (readonly [string, RegExp])[]) =>
    list.find(([, fits]) => fits.test(userAgent))?.[0];
  return [first(BROWSERS), first(SYSTEMS)].filter(Boolean).join(' · ') || userAgent.slice(0, 40) || '?';
}

/** Where somebody is signed in. @param action where ending one is sent, with its `id` */
export const Sessions = (props: {
  readonly view: View;
  readonly sessions: readonly SessionSummary[];
  readonly action: string;
}): Markup => {
  const { view, sessions, action } = props;
  const t = account[view.locale];
  return (
    <Table
      caption={t.sessions}
      columns={[
        { label: t.device },
        { label: t.address },
        { label: t.since },
        { label: t.lastSeen },
        { label: t.end },
      ]}
      rows={sessions.map(({ id, userAgent, address, createdAt, lastSeenAt }) => [
        <span title={userAgent}>{deviceOf(userAgent)}</span>,
        address,
        <Time view={view} at={createdAt} />,
        <Time view={view} at={lastSeenAt} />,
        id === view.session?.id ? (
          <Badge tone="good">{t.thisOne}</Badge>
        ) : (
          <Act view={view} action={action} fields={{ id: String(id) }} label={t.endOne(deviceOf(userAgent))}>
            {t.end}
          </Act>
        ),
      ])}
    />
  );
};
