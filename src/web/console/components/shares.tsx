import { h, type Markup } from '../jsx.ts';
import type { Tone } from './notice.tsx';

export interface Share {
  readonly label: string;
  readonly n: number;
  /** As the reader sees it. */
  readonly text: string;
  readonly tone: Tone;
}

/** Parts of a whole, side by side; each is in the legend in words too, so the drawing is decoration. */
export const Shares = ({ shares }: { readonly shares: readonly Share[] }): Markup => {
  const total = shares.reduce((sum, { n }) => sum + n, 0);
  let at = 0;
  return (
    <div class="shares">
      <svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">
        <rect class="shares-ground" width="1000" height="12" />
        {shares.map(({ n, tone }) => {
          const width = total === 0 ? 0 : (n * 1000) / total;
          const x = at;
          at += width;
          return (
            n > 0 && <rect class={`shares-${tone}`} x={x.toFixed(2)} width={width.toFixed(2)} height="12" />
          );
        })}
      </svg>
      <ul>
        {shares.map(
          ({ label, n, text, tone }) =>
            n > 0 && (
              <li>
                <span class={`dot shares-${tone}`} aria-hidden="true" />
                {label} <b>{text}</b>
              </li>
            ),
        )}
      </ul>
    </div>
  );
};
