import type { SizePoint } from './figures/scale.ts';

const [WIDTH, HEIGHT] = [720, 420];
const FRAME = { left: 72, right: 40, top: 64, bottom: 52 };
const COLOURS = ['#0b4fb3', '#b45309', '#4a5766'];

interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Messages a second against recipients. */
export const throughputPlot = (points: readonly SizePoint[]): string =>
  plot('SMS a second, approval to last result recorded', 'messages a second', [
    { name: 'Herald', points: points.map((p) => [p.recipients, p.perSecond] as const) },
  ]);

/** Seconds from approval to sent against recipients. */
export const percentilePlot = (points: readonly SizePoint[]): string =>
  plot(
    'Time from approval to sent',
    'seconds',
    (['p50', 'p95', 'max'] as const).map((name) => ({
      name,
      points: points.flatMap((p) => (p[name] === null ? [] : [[p.recipients, p[name]] as const])),
    })),
  );

/** Both axes are logarithmic, in powers of ten. */
function plot(title: string, unit: string, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points);
  const x = scale(
    all.map(([value]) => value),
    FRAME.left,
    WIDTH - FRAME.right,
  );
  const y = scale(
    all.map(([, value]) => value),
    HEIGHT - FRAME.bottom,
    FRAME.top,
  );
  const text = (at: readonly [number, number], anchor: string, words: string, colour = '#1f2933') =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${words}</text>`;
  const line = (x1: number, y1: number, x2: number, y2: number) =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#d5dce4"/>`;
  const grid = [
    ...x.ticks.flatMap((tick) => [
      line(x.at(tick), FRAME.top, x.at(tick), HEIGHT - FRAME.bottom),
      text([x.at(tick), HEIGHT - FRAME.bottom + 18], 'middle', tick.toLocaleString('en')),
    ]),
    ...y.ticks.flatMap((tick) => [
      line(FRAME.left, y.at(tick), WIDTH - FRAME.right, y.at(tick)),
      text([FRAME.left - 8, y.at(tick) + 4], 'end', tick.toLocaleString('en')),
    ]),
  ];
  const drawn = series.flatMap(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length] ?? '#000';
    const places = points.map(([a, b]) => [x.at(a), y.at(b)] as const);
    const path = places.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(' ');
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...places.map(([a, b]) => `<circle cx="${a.toFixed(1)}" cy="${b.toFixed(1)}" r="3" fill="${colour}"/>`),
      text([FRAME.left + 12 + i * 90, FRAME.top + 18], 'start', name, colour),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-labelledby="title">`,
    `<title id="title">${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text([WIDTH / 2, 26], 'middle', title),
    ...grid,
    ...drawn,
    text([(FRAME.left + WIDTH - FRAME.right) / 2, HEIGHT - 12], 'middle', 'recipients'),
    text([12, FRAME.top - 14], 'start', unit),
    '</svg>',
    '',
  ].join('\n');
}

/** From the power of ten below the least value to the one above the greatest. */
function scale(values: readonly number[], from: number, to: number) {
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))));
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    at: (value: number) =>
      from + ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (to - from),
  };
}
