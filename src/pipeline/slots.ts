/** Work of which only so much goes on at a time, and which gives way while all that it does is wait. */
export interface Slots {
  /**
   * @param work calls `giveWay` when it only waits; it may do so often
   * @returns resolves when it is over, or has given way
   */
  run(work: (giveWay: () => void) => Promise<void>): Promise<void>;
  /** Resolves when nothing that gave way is under way any more. */
  idle(): Promise<void>;
}

/**
 * @param most that may have given way at a time; beyond it, they stay where they are
 * @param onError told of what fails after it gave way, which nobody else hears of
 */
export function createSlots(most: number, onError: (error: unknown) => void): Slots {
  const waiting = new Set<Promise<void>>();
  return {
    run: (work) =>
      new Promise((resolve, reject) => {
        let gaveWay = false;
        const giveWay = () => {
          if (gaveWay || waiting.size >= most) return;
          gaveWay = true;
          waiting.add(over);
          resolve();
        };
        const over: Promise<void> = work(giveWay)
          .then(resolve, (error: unknown) => (gaveWay ? onError(error) : reject(error)))
          .finally(() => void waiting.delete(over));
      }),
    async idle() {
      await Promise.all(waiting);
    },
  };
}
