import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser } from '../support/browser.ts';
import { type Person, person } from '../web/console/visitor.ts';
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
});
