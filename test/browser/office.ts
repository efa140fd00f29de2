import type { BrowserContextOptions } from 'playwright-core';
import { WORKER_KINDS } from '../../src/domain/health.ts';
import { runWorker } from '../../src/worker.ts';
import { type Browser, type BrowserContext, DESK, type Page, startBrowser } from '../support/browser.ts';
import { freePort } from '../support/servers.ts';
import { cookieOf, type Person } from '../web/console/visitor.ts';
import { type Herald, startHerald } from '../web/herald.ts';

/** A whole Herald that listens, and a browser to look at it. */
export interface BrowserOffice {
  readonly herald: Herald;
  readonly browser: Browser;
  /** Of the server, without a slash at its end. `localhost`, because passkeys are for names only. */
  readonly url: string;
  /** A new browser context: cookies and passkeys of its own. Every error of a page's script fails the test at `close`. */
  context(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** A page on which this person has signed in. */
  as(person: Person, options?: BrowserContextOptions): Promise<Page>;
  /** Adds so many people, `+1202555…` and `citizen…@example.org`. */
  citizens(count: number): Promise<void>;
  /** Lets workers of every kind run, until it is closed. */
  work(): Promise<void>;
  close(): Promise<void>;
}

/** @param environment beside what it always has; live mode is served without TLS, too, which browsers allow for localhost */
export async function openBrowserOffice(
  environment: Readonly<Record<string, string>> = {},
): Promise<BrowserOffice> {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const publicUrl = environment.HERALD_MODE === 'live' ? `https://localhost:${port}` : url;
  const herald = await startHerald({ PUBLIC_URL: publicUrl, ...environment });
  await herald.server.listen({ host: '127.0.0.1', port });
  const browser = await startBrowser();
  const problems: string[] = [];
  const stopping = new AbortController();
  const working: Promise<void>[] = [];

  const context = async (options: BrowserContextOptions = {}) => {
    const made = await browser.newContext({ viewport: DESK, locale: 'zh-CN', baseURL: url, ...options });
    // Shorter than a test's time, so that it fails at the line that waits.
    made.setDefaultTimeout(10_000);
    made.on('weberror', (error) => problems.push(String(error.error())));
    made.on('console', (message) => {
      // A refusal (4xx) is a page as any other; what the policy refused, or a script did wrong, is not.
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text()))
        problems.push(message.text());
    });
    return made;
  };

  return {
    herald,
    browser,
    url,
    context,
    async as(person, options) {
      const made = await context(options);
      await made.addCookies([
        {
          name: cookieOf(herald),
          value: await person.token(),
          url: publicUrl,
          httpOnly: true,
          secure: publicUrl !== url,
        },
      ]);
      return await made.newPage();
    },
    async citizens(count) {
      for (let i = 0; i < count; i += 1)
        await herald.app.subscribers.add({
          name: `市民${i}`,
          locale: 'zh-CN',
          topics: [],
          districts: [],
          phone: `+1202555${String(1_000 + i)}`,
          email: `citizen${i}@example.org`,
          consentAt: new Date(),
          consentSource: 'test',
        });
    },
    async work() {
      await Promise.all(
        WORKER_KINDS.map(
          (kind) =>
            new Promise<void>((resolve, reject) => {
              const ended = runWorker(herald.app, kind, stopping.signal, resolve);
              ended.catch(reject);
              working.push(ended);
            }),
        ),
      );
    },
    async close() {
      stopping.abort();
      await Promise.all(working);
      await browser.close();
      await herald.close();
      if (problems.length > 0) throw new Error(`in the browser's console: ${problems.join('\n')}`);
    },
  };
}
