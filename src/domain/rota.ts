/** From one moment up to, and without, another. */
export interface Span {
  readonly startsAt: Date;
  readonly endsAt: Date;
}

/** The part of `span` that lies within `frame`; `undefined` when there is none. */
export function within<S extends Span>(span: S, frame: Span): S | undefined {
  const startsAt = new Date(Math.max(Number(span.startsAt), Number(frame.startsAt)));
  const endsAt = new Date(Math.min(Number(span.endsAt), Number(frame.endsAt)));
  return startsAt < endsAt ? { ...span, startsAt, endsAt } : undefined;
}

/** What none of `spans` covers of `frame`, in order of time. */
export function gaps(frame: Span, spans: readonly Span[]): readonly Span[] {
  const found: Span[] = [];
  let { startsAt } = frame;
  for (const span of [...spans].sort((a, b) => Number(a.startsAt) - Number(b.startsAt))) {
    const gap = within({ startsAt, endsAt: span.startsAt }, frame);
    if (gap) found.push(gap);
    if (span.endsAt > startsAt) startsAt = span.endsAt;
  }
  const rest = within({ startsAt, endsAt: frame.endsAt }, frame);
  return rest ? [...found, rest] : found;
}
