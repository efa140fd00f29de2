import type { Dispatcher } from 'undici';

export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What is known of one exchange, while it goes on and when it is over. */
export interface Call {
  readonly signal: AbortSignal | undefined;
  /** Not written later than so long after it was asked for, in milliseconds. */
  readonly startWithinMs: number;
  /** False as long as no byte can have left: no connection yet, or waiting for a free one. */
  written: boolean;
  /** Set when the status and headers have come. */
  answer: Answer | undefined;
}

export const newCall = (signal?: AbortSignal, startWithinMs = Number.POSITIVE_INFINITY): Call => ({
  signal,
  startWithinMs,
  written: false,
  answer: undefined,
});

/** No answer. Whether the other side may have acted on the request is {@link Call.written}, not this. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  /** `TIMEOUT`, `ABORTED`, `TOO_LARGE`, or the code of the network's error (`ECONNREFUSED`, `UND_ERR_SOCKET`, …). */
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export interface Bounds {
  /** From being asked for to the last byte of the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly maxAnswerBytes: number;
  /** The status is what counts: a body that breaks off, is too long or too slow is kept as far as it came. */
  readonly keepsPart?: boolean;
}

/**
 * One HTTP request over undici, with one timer for all of it and the truth about whether a failed one had been written;
 * several times as fast as `fetch`. The dispatcher's own timeouts should be off.
 * @returns the answer, whatever its status; rejects with {@link NoAnswerError}
 */
export function exchange(
  dispatcher: Dispatcher,
  call: Call,
  options: Dispatcher.DispatchOptions,
  { timeoutMs, maxAnswerBytes, keepsPart = false }: Bounds,
): Promise<Answer & { readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let over = false;
    const asked = performance.now();
    const chunks: Buffer[] = [];
    let bytes = 0;
    call.answer = undefined;

    const end = (error?: NoAnswerError) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', onAbort);
      const { answer } = call;
      if (answer && (!error || keepsPart)) {
        const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
        resolve({ status: answer.status, headers: answer.headers, body });
      } else reject(error ?? new NoAnswerError('NO_STATUS', 'the answer ended before it began'));
    };
    const giveUp = (error: NoAnswerError) => {
      end(error);
      controller?.abort(error);
    };
    const onAbort = () => giveUp(new NoAnswerError('ABORTED', 'stopped while waiting for the answer'));
    const timer = setTimeout(
      () => giveUp(new NoAnswerError('TIMEOUT', `no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    call.signal?.addEventListener('abort', onAbort, { once: true });
    if (call.signal?.aborted) return onAbort();

    dispatcher.dispatch(options, {
      // Called with a connection at hand, just before the bytes are written.
      onRequestStart(started) {
        controller = started;
        if (!over && performance.now() - asked > call.startWithinMs)
          giveUp(new NoAnswerError('TOO_LATE', 'a connection was there too late, so it was not sent'));
        if (over) started.abort(new Error('given up while waiting for a connection'));
        else call.written = true;
      },
      onResponseStart(_controller, status, headers) {
        call.answer = { status, headers };
      },
      onResponseData(_controller, chunk) {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > maxAnswerBytes) giveUp(new NoAnswerError('TOO_LARGE', 'the answer is too large'));
      },
      onResponseEnd: () => end(),
      onResponseError: (_controller, error) => end(new NoAnswerError(codeOf(error), error.message, error)),
    });
  });
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
