/** Most rows claimed at once: what a dying worker can leave in doubt. */
export const CLAIM_ROWS = 100;
/** Nothing more is claimed while a row has waited so long for a connection: its gateway is slow. Milliseconds. */
const HELD_UP_MS = 250;

/** What this process may still claim and start; shared by all shards it holds. */
export interface Room {
  /** Rows that may still be claimed. */
  readonly free: number;
  /** As many as must be free for a claim to be worth its round trip. */
  readonly worth: number;
  /** Takes places, before the rows are claimed that will fill them. */
  enter(places: number): void;
  leave(places?: number): void;
  /** Resolves when somebody leaves. */
  change(): Promise<void>;
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
  const waiting: (() => void)[] = [];
  /** In the order in which they came, with when they came. */
  const starting = new Map<(started: boolean) => void, number>();
  const isHeldUp = () => {
    const [oldest] = starting.values();
    return oldest !== undefined && nowMs() - oldest > HELD_UP_MS;
  };
  return {
    get free() {
      return isHeldUp() ? 0 : size - used;
    },
    worth: Math.min(CLAIM_ROWS, size > atOnce ? size - atOnce : Math.ceil(size / 2)),
    enter(places) {
      used += places;
    },
    leave(places = 1) {
      used -= places;
      for (const wake of waiting.splice(0)) wake();
    },
    change: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
    start(withinMs) {
      if (underWay < atOnce) {
        underWay += 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const wake = (started: boolean) => {
          clearTimeout(timer);
          starting.delete(wake);
          resolve(started);
        };
        const timer = setTimeout(wake, withinMs, false);
        starting.set(wake, nowMs());
      });
    },
    end() {
      const [next] = starting.keys();
      if (next) next(true);
      else underWay -= 1;
    },
  };
}
