/** Collects items for a few milliseconds and writes them together; one batch is under way at a time. */
export interface Batcher<T> {
  /** Resolves when the batch with this item is written; rejects as the write does. */
  add(item: T): Promise<void>;
  /** Resolves when everything added so far is written (or has failed). */
  idle(): Promise<void>;
}

/**
 * @param write writes one batch; the next one collects meanwhile
 * @param options.maxItems most items of a batch
 * @param options.lingerMs how long an item waits for company, at least; a full batch goes at once
 */
export function createBatcher<T>(
  write: (items: readonly T[]) => Promise<void>,
  options: { readonly maxItems: number; readonly lingerMs: number },
): Batcher<T> {
  let pending: { item: T; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (pending.length > 0) {
      if (pending.length < options.maxItems)
        await new Promise((resolve) => setTimeout(resolve, options.lingerMs));
      const batch = pending.slice(0, options.maxItems);
      pending = pending.slice(options.maxItems);
      try {
        await write(batch.map((b) => b.item));
        for (const b of batch) b.resolve();
      } catch (error) {
        for (const b of batch) b.reject(error);
      }
    }
    running = undefined;
  }

  return {
    add: (item) =>
      new Promise<void>((resolve, reject) => {
        pending.push({ item, resolve, reject });
        running ??= run();
      }),
    idle: async () => {
      while (running) await running;
    },
  };
}
