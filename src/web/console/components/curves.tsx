import { h, type Markup } from '../jsx.ts';

export interface Curve {
  readonly label: string;
  /** In order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const [WIDTH, HEIGHT] = [720, 180];
/** Told apart without colour, too. */
const LOOKS = ['curve-1', 'curve-2', 'curve-3'] as const;

/**
 * How several things grow from nothing, over one axis of time. What it shows must stand in words beside it: it is decoration
 * for those who do not see it.
 * @param props.ends what stands at the left and the right end of the axis
 */
export const Curves = ({
  curves,
  top,
  ends,
}: {
  readonly curves: readonly Curve[];
  /** What stands at the top of the other axis. */
  readonly top: string;
  readonly ends: readonly [string, string];
}): Markup => {
  const all = curves.flatMap(({ points }) => points);
  const [most, last] = [Math.max(...all.map(({ y }) => y)), Math.max(...all.map(({ x }) => x))];
  const at = ({ x, y }: { readonly x: number; readonly y: number }) =>
    `${((x / last) * WIDTH).toFixed(1)} ${(HEIGHT - (y / most) * HEIGHT).toFixed(1)}`;
  return (
    <figure class="curves" aria-hidden="true">
      <ul>
        {curves.map(({ label }, i) => (
          <li>
            <svg viewBox="0 0 28 4" class="key" aria-hidden="true">
              <path class={`curve ${LOOKS[i % LOOKS.length]}`} d="M0 2H28" />
            </svg>
            {label}
          </li>
        ))}
      </ul>
      <p class="top">{top}</p>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75].map((part) => (
          <path class="grid" d={`M0 ${part * HEIGHT}H${WIDTH}`} />
        ))}
        {curves.map(({ points }, i) => (
          <path
            class={`curve ${LOOKS[i % LOOKS.length]}`}
            d={`M0 ${HEIGHT}L${points.map(at).join('L')}${points.length > 0 ? `H${WIDTH}` : ''}`}
          />
        ))}
      </svg>
      <p class="ends">
        <span>{ends[0]}</span>
        <span>{ends[1]}</span>
      </p>
    </figure>
  );
};
