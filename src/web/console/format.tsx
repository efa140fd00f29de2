import { h, type Markup } from './jsx.ts';
import type { View } from './view.ts';

type Speaking = Pick<View, 'locale' | 'timezone'>;

const formats = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat>();
/** Making one costs more than using it a hundred times. */
function once<F extends Intl.DateTimeFormat | Intl.NumberFormat>(key: string, make: () => F): F {
  const known = formats.get(key) ?? make();
  formats.set(key, known);
  return known as F;
}

const dateFormat = ({ locale, timezone }: Speaking, options: Intl.DateTimeFormatOptions) =>
  once(
    `${locale} ${timezone} ${JSON.stringify(options)}`,
    () => new Intl.DateTimeFormat(locale, { timeZone: timezone, ...options }),
  );

/** `UTC+8`, at that moment: an office may have summer time. */
export function offsetAt({ timezone }: Speaking, at: Date): string {
  const parts = dateFormat({ locale: 'en', timezone }, { timeZoneName: 'shortOffset' }).formatToParts(at);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  return name.replace('GMT', 'UTC');
}

/** Date and time in the office's zone, without the offset: for where `<Time>` cannot stand. */
export const dateTime = (view: Speaking, at: Date): string =>
  dateFormat(view, {
    year: 'numeric',
    month: view.locale === 'en' ? 'short' : 'numeric',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(at);

/** `00:12` in the office's zone, for what is near. */
export const timeOfDay = (view: Speaking, at: Date): string =>
  dateFormat(view, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);

/** `周一 7月20日`, `Mon, Jul 20`: a day of the office. */
export const dayOf = (view: Speaking, at: Date): string =>
  dateFormat(view, { weekday: 'short', month: 'short', day: 'numeric' }).format(at);

/** A moment, in the office's zone with its offset. */
export const Time = ({ view, at }: { readonly view: Speaking; readonly at: Date }): Markup => (
  <time datetime={at.toISOString()} class="nowrap">
    {dateTime(view, at)} <span class="offset">{offsetAt(view, at)}</span>
  </time>
);

export const number = ({ locale }: Speaking, n: number, options: Intl.NumberFormatOptions = {}): string =>
  once(`${locale} ${JSON.stringify(options)}`, () => new Intl.NumberFormat(locale, options)).format(n);

/** @param share 0 … 1 */
export const percent = (view: Speaking, share: number): string =>
  number(view, share, { style: 'percent', maximumFractionDigits: share > 0 && share < 0.1 ? 1 : 0 });

/** @param currency ISO 4217 */
export const money = (view: Speaking, amount: number, currency: string): string =>
  number(view, amount, { style: 'currency', currency });

/** `3 min 20 s`, `2 小时 5 分`: the two largest units. @param seconds not negative */
export function duration({ locale }: Speaking, seconds: number): string {
  const whole = Math.round(seconds);
  const names = locale === 'en' ? ['d', 'h', 'min', 's'] : ['天', '小时', '分', '秒'];
  const sizes = [86_400, 3_600, 60, 1];
  let rest = whole;
  const parts = sizes.flatMap((size, i) => {
    const n = Math.floor(rest / size);
    rest -= n * size;
    return n > 0 ? [`${n} ${names[i]}`] : [];
  });
  return parts.slice(0, 2).join(' ') || `0 ${names[3]}`;
}

/** `中文（简体）`, `Chinese (Simplified)`: what a language is called; its tag where nobody knows it. */
export const languageName = ({ locale }: Pick<View, 'locale'>, tag: string): string =>
  new Intl.DisplayNames([locale], { type: 'language', fallback: 'code' }).of(tag) ?? tag;
