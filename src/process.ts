/**
 * Aborts when this process is asked to stop: SIGTERM, SIGINT, or a parent that is gone (the IPC channel closes
 * also after `kill -9` of the parent). Asking twice is the same as asking once.
 */
export function untilStopped(): AbortSignal {
  const stop = new AbortController();
  const abort = () => stop.abort();
  process.on('SIGTERM', abort);
  process.on('SIGINT', abort);
  // Who was gone before we asked does not tell.
  if (process.send && !process.connected) abort();
  if (process.send) process.on('disconnect', abort);
  return stop.signal;
}

/** Tells the supervising process something, if there is one. */
export function tellParent(message: object): void {
  if (process.connected) process.send?.(message);
}

/** Resolves when the signal has aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Ends this process as soon as it has nothing left to do. By itself, Node closes all handles once more before it ends,
 * and now and then is never done with one whose connection was cut: Node 20.20 was seen turning for ever in
 * `Environment::CleanupHandles`, after everything had been closed.
 */
export function endWhenDone(): void {
  process.once('beforeExit', () => process.exit());
}

/** What has closed everything waits so long for what libraries left behind. Milliseconds. */
const LEFT_BEHIND_MS = 1_000;

/**
 * All is closed, so the process may end, and soon does: BullMQ, closed while its Redis is away, would go on renewing locks
 * and keep the process for ever.
 */
export function letEnd(): void {
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(), LEFT_BEHIND_MS).unref();
}
