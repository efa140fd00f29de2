/** Most rows claimed at once: what a dying worker can leave in doubt. */
export const CLAIM_ROWS = 100;
/** Nothing more is claimed while a row has waited so long for a connection: its gateway is slow. Milliseconds. */
const HELD_UP_MS = 250;

/** What this process may still claim and start; shared by all shards it holds. */
export interface Room {
  /**
   * Takes places for rows that will be claimed, when there are enough of them for a claim to be worth its round trip.
   * Whoever came first gets them first.
   * @param most at least 1
   * @param withinMs how long to wait for them
   * @returns how many, at most `most`; 0 when there were none in time
   */
  enter(most: number, withinMs: number): Promise<number>;
  leave(places?: number): void;
  /** Waits for a connection, at most so many milliseconds; false: there was none, and nothing is to be ended. */
  start(withinMs: number): Promise<boolean>;
  end(): void;
}

/**
 * @param size rows that may be claimed and not yet sent: enough to keep the connections busy while the next are claimed
 * @param atOnce requests that may be under way, as the adapter has connections
 * @param nowMs monotonic milliseconds
 */
export function createRoom(size: number, atOnce: number, nowMs: () => number): Room {
  let used = 0;
  let underWay = 0;
  /** What is claimed already keeps the connections busy while so many more are claimed. */
  const worth = Math.min(CLAIM_ROWS, size > atOnce ? size - atOnce : Math.ceil(size / 2));
  const entering = createLine<{ readonly most: number }, number>(0);
  const starting = createLine<{ readonly since: number }, boolean>(false);
  const isHeldUp = () => {
    const since = starting.first()?.since;
    return since !== undefined && nowMs() - since > HELD_UP_MS;
  };
  /** @returns 0 when it is not worth it yet */
  const take = (most: number): number => {
    const free = isHeldUp() ? 0 : size - used;
    if (free < Math.min(most, worth)) return 0;
    const places = Math.min(most, free);
    used += places;
    return places;
  };
  const admit = () => {
    for (let next = entering.first(); next; next = entering.first()) {
      const places = take(next.most);
      if (places === 0) return;
      entering.serve(places);
    }
  };
  return {
    enter(most, withinMs) {
      const places = entering.first() ? 0 : take(most);
      return places > 0 ? Promise.resolve(places) : entering.join({ most }, withinMs);
    },
    leave(places = 1) {
      used -= places;
      admit();
    },
    start(withinMs) {
      if (underWay >= atOnce) return starting.join({ since: nowMs() }, withinMs);
      underWay += 1;
      return Promise.resolve(true);
    },
    end() {
      if (starting.first()) starting.serve(true);
      else underWay -= 1;
      admit();
    },
  };
}

/** Those who wait, served in the order in which they came. */
interface Line<Who, Answer> {
  first(): Who | undefined;
  /** @returns what it is served with, or the answer of who waited in vain */
  join(who: Who, withinMs: number): Promise<Answer>;
  serve(answer: Answer): void;
}

function createLine<Who, Answer>(inVain: Answer): Line<Who, Answer> {
  const waiting = new Map<(answer: Answer) => void, Who>();
  return {
    first: () => waiting.values().next().value,
    join: (who, withinMs) =>
      new Promise((resolve) => {
        const answered = (answer: Answer) => {
          clearTimeout(timer);
          waiting.delete(answered);
          resolve(answer);
        };
        const timer = setTimeout(answered, withinMs, inVain);
        waiting.set(answered, who);
      }),
    serve(answer) {
      waiting.keys().next().value?.(answer);
    },
  };
}
