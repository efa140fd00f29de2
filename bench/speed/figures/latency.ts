import { populate } from '../audience.ts';
import type { Figure } from '../goals.ts';
import type { Ground } from '../ground.ts';
import type { Herald } from '../herald.ts';
import { median } from '../measure.ts';

const TOPIC = 'bench-latency';
const LATENCY_MS = 100;
/** Of one worker, as Herald is to be told. */
export const LATENCY_CONNECTIONS = 200;
/** What the gateway can take at most. Messages a second. */
const CAPACITY = (LATENCY_CONNECTIONS * 1_000) / LATENCY_MS;
/** Long enough that starting and ending do not count. */
const SECONDS = 10;

/** A gateway far away: one worker must keep all of its connections busy. */
export async function measureLatency(
  ground: Ground,
  herald: Herald,
  quick: boolean,
): Promise<readonly Figure[]> {
  const { sinks, options } = ground;
  const messages = CAPACITY * (quick ? 1 : SECONDS);
  try {
    await populate(ground, herald.app, 'sms', [
      { topic: TOPIC, first: messages },
      { topic: `${TOPIC}-warm`, first: 500 },
    ]);
    await herald.broadcast(await herald.prepare('sms', `${TOPIC}-warm`), 500);
    await sinks.setLatency(LATENCY_MS);
    const rates: number[] = [];
    let mostWaiting = 0;
    for (let i = 0; i < options.rounds; i += 1) {
      await sinks.reset();
      const { approvedAt, endedAt } = await herald.broadcast(await herald.prepare('sms', TOPIC), messages);
      const report = await sinks.report();
      rates.push((messages * 1_000) / (endedAt - (report.firstAt.sms ?? approvedAt)));
      mostWaiting = Math.max(mostWaiting, report.mostWaiting);
      ground.say(
        `latency: ${Math.round(rates.at(-1) ?? 0)}/s of ${CAPACITY}/s, ${report.mostWaiting} at a time`,
      );
    }
    const perSecond = median(rates);
    return [
      {
        name: 'latency/connections',
        value: perSecond / CAPACITY,
        detail: { perSecond, capacity: CAPACITY, mostWaiting, messages },
      },
    ];
  } finally {
    await sinks.setLatency(0);
  }
}
