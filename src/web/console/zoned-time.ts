/** What a clock in the zone shows at a moment: `2026-03-01T08:00`, as `<input type="datetime-local">` has it. */
export function toLocal(at: Date, timezone: string): string {
  const parts = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'short',
  }).format(at);
  return parts.replace(' ', 'T');
}

/**
 * The moment at which a clock in the zone shows this; of an hour that a change of clocks repeats, the first.
 * @returns undefined for what is no date, or an hour that a change of clocks leaves out
 */
export function fromLocal(local: string, timezone: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(local)) return undefined;
  const wanted = local.slice(0, 16);
  const asUtc = Date.parse(`${wanted}Z`);
  if (Number.isNaN(asUtc)) return undefined;
  // No zone is further than 14 hours away, and none changes twice within them.
  for (const guess of [asUtc - 14 * 3_600_000, asUtc + 14 * 3_600_000]) {
    const offset = Date.parse(`${toLocal(new Date(guess), timezone)}Z`) - guess;
    const at = new Date(asUtc - offset);
    if (toLocal(at, timezone) === wanted) return at;
  }
  return undefined;
}
