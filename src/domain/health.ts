/** What a worker process does. All of them are needed: without sweepers nothing is retried, starts at its hour or expires. */
export const WORKER_KINDS = ['expand', 'sms', 'email', 'webhook', 'sweep'] as const;
export type WorkerKind = (typeof WORKER_KINDS)[number];

/** A worker beats every few seconds; longer silence is worth a look. Milliseconds. */
export const SILENT_MS = 10_000;

/** Kinds of which no worker is heard. */
export const deadKinds = ({
  workers,
}: {
  readonly workers: readonly { readonly kind: string; readonly silentMs: number }[];
}): readonly WorkerKind[] =>
  WORKER_KINDS.filter((kind) => !workers.some((one) => one.kind === kind && one.silentMs <= SILENT_MS));
