/** A caller of Herald's HTTP API, as any client would be. */
export interface Client {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown, options?: { readonly type?: string }): Promise<T>;
  /** The whole list behind a paged path. */
  all<T>(path: string): Promise<T[]>;
}

/** The API said no. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Nothing in a demo takes longer; what does hangs. Milliseconds. */
const PATIENCE_MS = 60_000;
/** Aborts when the demo is to stop, or when something hangs. */
export const within = (stopping: AbortSignal): AbortSignal =>
  AbortSignal.any([stopping, AbortSignal.timeout(PATIENCE_MS)]);

export function demoClient(baseUrl: string, key: string, stopping: AbortSignal): Client {
  async function call<T>(
    method: string,
    path: string,
    body?: string | Buffer,
    type = 'application/json',
  ): Promise<T> {
    const answer = await fetch(`${baseUrl}${path}`, {
      method,
      signal: within(stopping),
      headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body: body as NonNullable<RequestInit['body']> }),
    });
    const text = await answer.text();
    const parsed = text === '' ? {} : JSON.parse(text);
    if (!answer.ok)
      throw new Refused(
        answer.status,
        parsed.code,
        `${method} ${path}: ${answer.status} ${parsed.detail ?? text}`,
      );
    return parsed as T;
  }
  return {
    get: (path) => call('GET', path),
    post: (path, body, { type } = {}) =>
      call('POST', path, Buffer.isBuffer(body) ? body : JSON.stringify(body), type),
    async all<T>(path: string) {
      const items: T[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = `${path.includes('?') ? '&' : '?'}limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
        const page: { items: T[]; nextCursor: string | null } = await call('GET', path + query);
        items.push(...page.items);
        cursor = page.nextCursor;
      }
      return items;
    },
  };
}
