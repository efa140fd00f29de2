import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { purposeKey } from '../../src/config.ts';
import { leaveToken } from '../../src/domain/leave-token.ts';
import {
  DESK,
  expectNoAxeViolations,
  expectNoSidewaysScroll,
  hasBrowser,
  type Page,
  PHONE,
} from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { type Person, pathOf, person } from '../web/console/visitor.ts';
import { DRAFT } from '../web/herald.ts';
import { type BrowserOffice, openBrowserOffice } from './office.ts';

let office: BrowserOffice;
let admin: Person;
/** Parts of an address → what stands for them where there is much to see. */
let addresses: Readonly<Record<string, string>>;

/** Routes that no page of their own belongs to. */
const NO_PAGE: readonly string[] = [
  '/console/assets/:file',
  // Parts of pages, and what frames show.
  '/console/announcements/:id/share',
  '/console/announcements/:id/events',
  '/console/announcements/:id/mail',
  '/console/deliveries/:id/mail',
  '/console/imports/mine',
  '/console/imports/:id/state',
  '/console/admin/templates/:name/mail',
  // Files.
  '/console/announcements/:id/deliveries.csv',
  '/console/imports/example.csv',
  '/console/imports/:id/refusals.csv',
];
/** Pages whose address says more than their route. */
const QUERIES: Readonly<Record<string, string>> = {
  '/console/announcements/:id/edit': '?check=1',
  '/console/admin/suppressions': '?q=%2B12025550199',
};
/** For whoever has not signed in, or not yet with everything. */
const OUTSIDE: readonly string[] = [
  '/',
  '/leave',
  '/u/:token',
  '/console/sign-in',
  '/console/invitation/:token',
];
const HALF_WAY = '/console/second-factor';

/** Every page that there is, by its route: a new one cannot be forgotten. */
const pages = (): readonly string[] => [
  ...OUTSIDE.filter((url) => !url.startsWith('/console')),
  ...new Set(
    office.herald.server.accessRules.flatMap(({ method, url }) =>
      method === 'GET' && url.startsWith('/console') && !NO_PAGE.includes(url) ? [url] : [],
    ),
  ),
  '/console/nothing-here',
];

function addressOf(route: string): string {
  const key = Object.keys(addresses).find((start) => route.startsWith(start));
  const path = key === undefined ? route : `${addresses[key]}${route.slice(key.length)}`;
  return `${path}${QUERIES[route] ?? ''}`;
}

beforeAll(async () => {
  if (!hasBrowser()) return;
  office = await openBrowserOffice();
  const { app, secret } = office.herald;
  const { ids, lists, endpoints, administration, announce, imports, identity, users } = app;
  const author = await person(office.herald, 'author', '李静');
  const approver = await person(office.herald, 'approver', '王强');
  admin = await person(office.herald, 'admin', '王建国');
  await lists.add('topics', { code: 'fraud', names: { 'zh-CN': '防诈', en: 'Fraud' } });
  await lists.add('districts', { code: 'binjiang', names: { 'zh-CN': '滨江区', en: 'Binjiang' } });
  const { id: citizen } = await app.subscribers.add({
    name: '王芳',
    locale: 'zh-CN',
    phone: '+12025550100',
    email: 'wang.fang@example.org',
    topics: ['fraud'],
    districts: [],
    consentAt: new Date(),
    consentSource: '政务大厅登记表',
  });
  const { id: outlet } = await endpoints.create({
    outlet: '滨江日报',
    url: `${app.config.sandboxUrl}/hooks/a-rather-long-address-that-does-not-fit-a-narrow-screen`,
    topics: [],
    districts: [],
  });
  await administration.outletSends.test(outlet, admin);
  await administration.suppressions.block({ channel: 'sms', address: '+12025550199' }, '本人来电', admin);
  await users.createKey(admin.id);
  const imported = await imports.create(admin.id);
  await imports.commit(imported, {
    rows: [],
    refusals: [{ line: 2, code: 'bad-phone', message: 'the phone number is wrong' }],
    rowsRead: 1,
  });
  await imports.finish(imported);
  const by = { id: author.id, role: 'author' as const };
  const sent = await announce.create({ ...DRAFT, urgency: 'urgent' }, by);
  await announce.submit(sent.id, by);
  await announce.approve(sent.id, approver);
  await office.work();
  await eventually(async () => expect((await announce.get(sent.id)).state).toBe('completed'), 25_000);
  const waits = await announce.create({ ...DRAFT, case: { reference: 'DL-2', title: '待审批' } }, by);
  await announce.submit(waits.id, by);
  const content = {
    'zh-CN': { ...DRAFT.content['zh-CN'], body: '嫌疑人张伟（17岁）已被控制。' },
    en: { headline: 'Beware', summary: 'Do not pay – hang up: 张' },
  };
  const draft = await announce.save(null, { ...DRAFT, content }, by);
  await app.engine.breakers.open({
    provider: 'twilio',
    channel: 'sms',
    gateway: 'live',
    code: '20003',
    message: 'Authenticate',
  });
  const { rows } = await app.pool.query('SELECT id FROM contacts LIMIT 1');
  const { id: invited } = await users.add({ name: '赵敏', role: 'author' });
  const announcement = ({ id }: { readonly id: number }) =>
    `/console/announcements/${ids.encode('announcement', id)}`;
  addresses = {
    '/u/:token': `/u/${leaveToken(purposeKey(secret, 'leave'), rows[0].id)}`,
    '/console/invitation/:token': pathOf(await identity.invite(invited, undefined)),
    '/console/announcements/:id/edit': `${announcement(draft)}/edit`,
    '/console/announcements/:id/approve': `${announcement(waits)}/approve`,
    '/console/announcements/:id': announcement(sent),
    '/console/deliveries/:id': `/console/deliveries/${ids.encode('delivery', sent.id, 1)}`,
    '/console/imports/:id': `/console/imports/${ids.encode('import', imported)}`,
    '/console/outlets/:id': `/console/outlets/${ids.encode('endpoint', outlet)}`,
    '/console/subscribers/:id': `/console/subscribers/${ids.encode('subscriber', citizen)}`,
    '/console/admin/users/:id': `/console/admin/users/${admin.userId}`,
    '/console/admin/lists/:list/:code': '/console/admin/lists/topics/fraud',
    '/console/admin/lists/:list': '/console/admin/lists/topics',
    '/console/admin/templates/:name': '/console/admin/templates/hot-case',
  };
});
afterAll(() => office?.close());

describe.runIf(hasBrowser())('every page', () => {
  test.each([
    ['a phone, dark, Chinese', { viewport: PHONE, colorScheme: 'dark', locale: 'zh-CN' }],
    ['a wide screen, light, English', { viewport: DESK, colorScheme: 'light', locale: 'en' }],
    [
      'a phone, light, English, without JavaScript',
      { viewport: PHONE, colorScheme: 'light', locale: 'en', javaScriptEnabled: false },
    ],
  ] as const)('is for everybody: on %s', { timeout: 180_000 }, async (_, look) => {
    const { app } = office.herald;
    await app.pool.query('UPDATE users SET locale = $1', [look.locale]);
    const inside = await office.as(admin, look);
    const outside = await (await office.context(look)).newPage();
    const half = await (await office.context(look)).newPage();
    await half.context().addCookies(await inside.context().cookies());
    const on = (route: string): Page =>
      OUTSIDE.includes(route) ? outside : route === HALF_WAY ? half : inside;
    const seen: string[] = [];
    for (const route of pages()) {
      const page = on(route);
      if (page === half) await app.pool.query('UPDATE sessions SET second_factor_at = NULL');
      const answer = await page.goto(addressOf(route));
      await page.locator('h1').waitFor();
      await expectNoSidewaysScroll(page);
      // axe itself is a script.
      if (!('javaScriptEnabled' in look)) await expectNoAxeViolations(page);
      seen.push(
        `${answer?.status()} ${route} ${new URL(page.url()).pathname === addressOf(route).split('?')[0]}`,
      );
      if (page === half) await app.pool.query('UPDATE sessions SET second_factor_at = now()');
    }
    // None was another page than the one that was asked for.
    expect(seen).toEqual(
      pages().map((route) => `${route.endsWith('nothing-here') ? 404 : 200} ${route} true`),
    );
    for (const page of [inside, outside, half]) await page.context().close();
  });
});
