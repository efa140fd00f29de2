import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DESK,
  expectNoAxeViolations,
  expectNoSidewaysScroll,
  hasBrowser,
  PHONE,
} from '../support/browser.ts';
import { type Person, person } from '../web/console/visitor.ts';
import { DRAFT } from '../web/herald.ts';
import { type BrowserOffice, openBrowserOffice } from './office.ts';

const HEADER = 'name,phone,email,locale,topics,districts,consent_at,consent_source';
let office: BrowserOffice;
let admin: Person;
beforeAll(async () => {
  if (!hasBrowser()) return;
  office = await openBrowserOffice();
  admin = await person(office.herald, 'admin', '王建国');
});
afterAll(() => office?.close());

const csv = (rows: readonly string[]) => ({
  name: 'list.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from([HEADER, ...rows].join('\n')),
});

describe.runIf(hasBrowser())('administration, in a browser', () => {
  test('a list with bad rows is imported; its progress and what was refused are shown', async () => {
    const page = await office.as(admin);
    await page.goto('/console/subscribers');
    await page.getByRole('link', { name: '导入名单' }).click();
    // Sent slowly enough that there is something to see.
    const session = await page.context().newCDPSession(page);
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: 300_000,
    });
    const good = Array.from(
      { length: 12_000 },
      (_, i) => `市民,1380${String(i).padStart(7, '0')},,zh-CN,,,2026-01-05,登记表`,
    );
    await page
      .getByLabel('CSV 文件')
      .setInputFiles(csv([...good, '坏号码,123,,zh-CN,,,2026-01-05,登记表', 'x,y']));
    await page.getByRole('button', { name: '开始导入' }).click();
    await page.getByText(/已读 [\d,]+ 行/).waitFor();
    await page.waitForURL('**/console/imports/imp_*');
    await page.getByText('已完成').waitFor();
    const rows = page.getByRole('table', { name: '被退回的行' }).getByRole('row');
    expect(await rows.nth(1).textContent()).toContain('第 12,002 行手机号无效');
    expect(await rows.nth(2).textContent()).toContain('第 12,003 行列数不符');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: '下载 CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^imp_\w+-refused\.csv$/);

    await page.goto('/console/imports');
    await page.getByLabel('CSV 文件').setInputFiles({ ...csv([]), buffer: Buffer.from('nonsense\n') });
    await page.getByRole('button', { name: '开始导入' }).click();
    await page.getByText('文件第 1 行须是列名').waitFor();
    expect(await page.locator('h1').count()).toBe(1);
  });

  test('without JavaScript a list is imported all the same', async () => {
    const page = await office.as(admin, { javaScriptEnabled: false });
    await page.goto('/console/imports');
    await page.getByLabel('CSV 文件').setInputFiles(csv(['王芳,13900139000,,zh-CN,,,2026-01-05,登记表']));
    await page.getByRole('button', { name: '开始导入' }).click();
    await page.waitForURL('**/console/imports/imp_*');
    await page.getByText('没有被退回的行').waitFor();
  });

  test('every page of it is for everybody: axe, 320 px, dark, and English', {
    timeout: 180_000,
  }, async () => {
    const { app } = office.herald;
    const { ids, lists, endpoints, administration, announce } = app;
    await lists.add('topics', { code: 'fraud', names: { 'zh-CN': '防诈', en: 'Fraud' } });
    await lists.add('districts', { code: 'binjiang', names: { 'zh-CN': '滨江区', en: 'Binjiang' } });
    const { id: citizen } = await app.subscribers.add({
      name: '王芳',
      locale: 'zh-CN',
      phone: '+12025550100',
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
    const author = await person(office.herald, 'author', '李静');
    const { id } = await announce.create(DRAFT, author);
    await app.pool.query(
      `INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale, status, error_code)
       VALUES ($1, 1, 'sms', 1, '+12025550100', 'zh-CN', 'queued', NULL), ($1, 2, 'webhook', $2, $2::bigint::text, '', 'failed', 'HTTP 500')`,
      [id, outlet],
    );
    await administration.outletSends.test(outlet, admin);
    await administration.suppressions.block({ channel: 'sms', address: '+12025550199' }, '本人来电', admin);
    await app.users.createKey(admin.id);
    await app.engine.breakers.open({
      provider: 'twilio',
      channel: 'sms',
      gateway: 'live',
      code: '20003',
      message: 'Authenticate',
    });
    const [imported] = await app.imports.list({ limit: 1 });
    const pages = [
      '/console/subscribers',
      '/console/subscribers/new',
      `/console/subscribers/${ids.encode('subscriber', citizen)}`,
      '/console/imports',
      `/console/imports/${ids.encode('import', imported?.id ?? 0)}`,
      '/console/outlets',
      '/console/outlets/new',
      `/console/outlets/${ids.encode('endpoint', outlet)}`,
      '/console/admin',
      '/console/admin/audit',
      '/console/admin/suppressions?q=%2B12025550199',
      '/console/admin/lists',
      '/console/admin/lists/topics/fraud',
      '/console/admin/quiet-hours',
      `/console/admin/users/${admin.userId}/keys`,
      '/console/admin/templates',
      '/console/admin/templates/hot-case',
      '/console/admin/system',
      '/leave',
    ];
    for (const [viewport, colorScheme, locale] of [
      [PHONE, 'dark', 'zh-CN'],
      [DESK, 'light', 'en'],
    ] as const) {
      await app.pool.query('UPDATE users SET locale = $1', [locale]);
      const page = await office.as(admin, { viewport, colorScheme });
      for (const one of pages) {
        await page.goto(one);
        await page.locator('h1').waitFor();
        await expectNoSidewaysScroll(page);
        await expectNoAxeViolations(page);
      }
    }
  });
});
