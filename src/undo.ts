/**
 * Undoes what was started or opened, the last first, whatever fails meanwhile.
 * @param steps emptied, so that undoing twice is undoing once
 * @throws the first failure, when all of them were tried
 */
export async function undo(steps: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
