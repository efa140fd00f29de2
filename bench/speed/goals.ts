/** What is to be reached: the table of the project's speed goals, row by row. */
export interface Goal {
  readonly what: string;
  readonly reach: number;
  readonly better: 'higher' | 'lower';
  readonly unit: '×' | 'ms' | 's' | 'MB';
}

const atLeast = (reach: number, what: string): Goal => ({ what, reach, better: 'higher', unit: '×' });
const atMost = (reach: number, what: string, unit: Goal['unit'] = '×'): Goal => ({
  what,
  reach,
  better: 'lower',
  unit,
});

export const GOALS = {
  'sms/limit': atLeast(0.4, 'SMS, Herald ÷ limit'),
  'sms/plain': atLeast(8, 'SMS, Herald ÷ plain'),
  'email/limit': atLeast(0.7, 'e-mail, DKIM off, Herald ÷ limit'),
  'email/plain': atLeast(4, 'e-mail, DKIM off, Herald ÷ plain'),
  'email-dkim/limit': atLeast(0.7, 'e-mail, DKIM on, Herald ÷ limit'),
  'email-dkim/plain': atLeast(3, 'e-mail, DKIM on, Herald ÷ plain'),
  'webhook/limit': atLeast(0.4, 'webhook to 50 endpoints, 200 announcements, Herald ÷ limit'),
  'webhook/plain': atLeast(6, 'webhook, Herald ÷ plain'),
  'expand/insert': atMost(1.5, 'expanding ÷ one bare INSERT … SELECT with the same indexes, time'),
  'callbacks/route': atLeast(0.5, 'status callbacks, durable ÷ the same route without a database'),
  'cpu/small': atMost(1.1, 'CPU a message, all recipients ÷ a hundredth of them'),
  'memory/growth': atMost(1.2, 'RssAnon of any process, at the end ÷ after the first 50,000'),
  'memory/most': atMost(250, 'RssAnon of any process, most', 'MB'),
  'redis/memory': atMost(20, 'Redis memory with all recipients queued', 'MB'),
  'latency/connections': atLeast(
    0.9,
    '100 ms of latency, 200 connections, one worker ÷ (connections ÷ latency)',
  ),
  'counts/p95': atMost(20, 'announcement page’s counts while sending, p95', 'ms'),
  'import/copy': atMost(8, 'import of subscribers ÷ COPY of the same rows, time'),
  'import/memory': atMost(1.2, 'RssAnon of the import, at the end ÷ after a fifth of the rows'),
  'plan/measured': atMost(
    1.25,
    'duration of the largest announcement, as planned from the smaller ones ÷ measured, or the reverse',
  ),
  'first-sms': atMost(2, 'first SMS out after approval', 's'),
} as const satisfies Record<string, Goal>;

export type FigureName = keyof typeof GOALS;

export interface Figure {
  readonly name: FigureName;
  readonly value: number;
  /** What it was made of, e.g. the medians of both sides. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

export const isReached = ({ name, value }: Figure): boolean => {
  const { better, reach }: Goal = GOALS[name];
  return better === 'higher' ? value >= reach : value <= reach;
};
