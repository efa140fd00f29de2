const formats = new Map<string, Intl.DateTimeFormat>();

/** `2026-07-22T08:00`: what clocks in a zone show at an instant. @param timezone IANA name */
export function localTimeAt(timezone: string, at: Date): string {
  const format =
    formats.get(timezone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'short' });
  formats.set(timezone, format);
  return format.format(at).replace(' ', 'T');
}

/**
 * When clocks in a zone show this local time (`YYYY-MM-DDTHH:MM`). Of a time that they show twice, one of the two; of one
 * that they skip, one beside it. Invalid for a text that is no time.
 */
export function instantOf(timezone: string, local: string): Date {
  const wanted = Date.parse(`${local}Z`);
  if (Number.isNaN(wanted)) return new Date(Number.NaN);
  const off = (at: number) => Date.parse(`${localTimeAt(timezone, new Date(at))}Z`) - at;
  const near = wanted - off(wanted);
  return new Date(wanted - off(near));
}
