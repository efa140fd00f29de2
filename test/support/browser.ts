import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect, inject } from 'vitest';

const QUIET = [
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** `describe.runIf(hasBrowser())`: whether this run found a browser; that it did not is said at its start. */
export const hasBrowser = (): boolean => inject('chromium') !== null;

export async function startBrowser(): Promise<Browser> {
  const executablePath = inject('chromium');
  if (executablePath === null) throw new Error('there is no browser in this run');
  return await chromium.launch({ executablePath, args: QUIET, chromiumSandbox: process.getuid?.() !== 0 });
}

/** The sizes that every page must work at. */
export const PHONE = { width: 320, height: 700 };
export const DESK = { width: 1440, height: 900 };

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** WCAG 2.2 A and AA, and axe's best practices. The script is put in beside the page's own policy. */
export async function expectNoAxeViolations(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await evaluate(`${axe};undefined`);
  const found = await evaluate(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((n) => n.html.slice(0, 200) + ' ' + n.any.map((a) => a.message).join('; ')).join(' | ')))`,
  );
  await session.detach();
  expect(`${page.url()}\n${(found as string[]).join('\n')}`).toBe(`${page.url()}\n`);
}

/** Nothing sticks out: a narrow screen is never scrolled sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const out = await page.evaluate(
    `[document.documentElement.scrollWidth - innerWidth, ...[...document.querySelectorAll('body *')]
      .filter((one) => one.getBoundingClientRect().right > innerWidth && document.documentElement.scrollWidth > innerWidth)
      .map((one) => one.getBoundingClientRect().right + ' ' + one.outerHTML.slice(0, 200))]`,
  );
  const [by = 0, ...what] = out as [number, ...string[]];
  expect(by, `${page.url()} is scrolled sideways: ${what.join('\n')}`).toBeLessThanOrEqual(0);
}

/** An authenticator inside the browser that says yes, with passkeys of its own. */
export async function addVirtualAuthenticator(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

export type { Browser, BrowserContext, Page };

/** Goes on with Tab until it stands on what is wanted, as somebody without a mouse does. */
export async function tabTo(page: Page, wanted: string): Promise<void> {
  const seen: string[] = [];
  for (let i = 0; i < 40; i += 1) {
    await page.keyboard.press('Tab');
    const here = await page.evaluate(
      '(() => { const e = document.activeElement; return (e.id || "") + " " + (e.getAttribute("name") || "") + " " + e.innerText.trim(); })()',
    );
    seen.push(String(here));
    if (String(here).includes(wanted)) return;
  }
  throw new Error(`${wanted} is not reached by Tab: ${seen.join(' → ')}`);
}
