export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something to become true, by looking again and again; false when `until` comes first. */
export async function waitFor(
  check: () => Promise<boolean>,
  withinMs: number,
  everyMs = 50,
): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    // Striking servers makes our own questions fail too; they are asked again.
    if (await check().catch(() => false)) return true;
    await pause(everyMs);
  }
  return false;
}
