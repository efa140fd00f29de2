import { type Children, h, type Markup, type PropsWithChildren } from '../jsx.ts';

export type Tone = 'neutral' | 'info' | 'good' | 'warning' | 'danger';

/** Something the reader should know: errors are announced at once, the rest politely. */
export const Notice = ({
  kind,
  title,
  children,
}: PropsWithChildren<{ readonly kind: Exclude<Tone, 'neutral'>; readonly title?: Children }>): Markup => (
  <div class={`notice notice-${kind}`} role={kind === 'danger' ? 'alert' : 'status'}>
    {title && <p class="notice-title">{title}</p>}
    {children && <div class="notice-text">{children}</div>}
  </div>
);

/** A state in a word. Its colour says nothing that the word does not. */
export const Badge = ({
  tone = 'neutral',
  children,
}: PropsWithChildren<{ readonly tone?: Tone }>): Markup => (
  <span class={`badge badge-${tone}`}>{children}</span>
);

/** Where there is nothing yet: says what would be here, and how to begin. */
export const Empty = ({ title, children }: PropsWithChildren<{ readonly title: string }>): Markup => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children}
  </div>
);

/** How far something has come, in words too. @param share 0 … 1 */
export const Progress = ({
  label,
  share,
  text,
  tone = 'info',
}: {
  readonly label: string;
  readonly share: number;
  readonly text: string;
  readonly tone?: Tone;
}): Markup => (
  <div class={`progress progress-${tone}`}>
    <div class="progress-words">
      <span>{label}</span>
      <span class="progress-text">{text}</span>
    </div>
    <progress max="1" value={String(Math.min(1, Math.max(0, share)))} aria-label={label}>
      {text}
    </progress>
  </div>
);
