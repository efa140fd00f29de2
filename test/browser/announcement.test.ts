import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasBrowser, tabTo } from '../support/browser.ts';
import { type Person, person } from '../web/console/visitor.ts';
import { DRAFT } from '../web/herald.ts';
import { type BrowserOffice, openBrowserOffice } from './office.ts';

let office: BrowserOffice;
let author: Person;
let approver: Person;
beforeAll(async () => {
  if (!hasBrowser()) return;
  office = await openBrowserOffice();
  author = await person(office.herald, 'author', '李静');
  approver = await person(office.herald, 'approver', '王强');
  await office.citizens(30);
  await office.work();
});
afterAll(() => office?.close());

const draft = async (headline: string, more: object = {}) => {
  const { announce, ids } = office.herald.app;
  const content = { 'zh-CN': { ...DRAFT.content['zh-CN'], headline } };
  const by = { id: author.id, role: 'author' as const };
  const { id } = await announce.create(
    { ...DRAFT, channels: ['sms'], urgency: 'urgent', content, ...more },
    by,
  );
  await announce.submit(id, by);
  return `/console/announcements/${ids.encode('announcement', id)}`;
};

describe.runIf(hasBrowser())('an announcement, in two browsers', () => {
  test('is approved by somebody else, arrives while one watches, and is found by number', async () => {
    await draft('警惕冒充客服诈骗');
    const mine = await office.as(author);
    await mine.goto('/console');
    await mine.getByRole('link', { name: '警惕冒充客服诈骗' }).click();
    await mine.getByText('您的角色不能审批').waitFor();

    const theirs = await office.as(approver);
    await theirs.goto('/console');
    await theirs.getByRole('link', { name: '警惕冒充客服诈骗' }).click();
    await theirs.getByText('30 人 (短信 30)').waitFor();
    await theirs.getByRole('button', { name: /批准（试运行，30 人/ }).click();
    await theirs.waitForURL('**/progress');
    // It moves by itself: nothing is loaded again.
    await theirs.locator('#badges', { hasText: '已完成' }).waitFor({ timeout: 25_000 });
    await theirs.getByText('30 / 30').waitFor();
    await theirs.locator('#acts:empty').waitFor({ state: 'attached' });

    await theirs.getByRole('link', { name: '逐条记录' }).click();
    await theirs.getByLabel('手机号、邮箱或编号').fill('+1 202 555 1007');
    await theirs.keyboard.press('Enter');
    await theirs.getByRole('link', { name: '+12025551007' }).click();
    await theirs.getByText('警惕冒充客服诈骗').last().waitFor();
    expect(await theirs.locator('.bubble').textContent()).toContain('警惕冒充客服诈骗');
  });

  test('is approved, paused, goes on, and is stopped, each asked once, by keyboard alone', async () => {
    const page = await office.as(approver);
    const url = await draft('定时的通告', { scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });
    await page.goto(`${url}/approve`);
    await tabTo(page, '批准（试运行');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/progress');
    for (const [ask, now, said] of [
      ['暂停', '立即暂停', '已暂停。'],
      ['继续发送', '继续', '已继续发送。'],
      ['停止', '停止发送', '已停止。'],
    ] as const) {
      await tabTo(page, ask);
      await page.keyboard.press('Enter');
      await tabTo(page, now);
      await page.keyboard.press('Enter');
      await page.getByText(said).waitFor();
    }
  });
});
