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

let office: BrowserOffice;
let author: Person;
let colleague: Person;
beforeAll(async () => {
  if (!hasBrowser()) return;
  office = await openBrowserOffice();
  author = await person(office.herald, 'author', '李静');
  colleague = await person(office.herald, 'author', '陈晨');
  const { app } = office.herald;
  await app.lists.add('topics', { code: 'missing', names: { 'zh-CN': '寻人', en: 'Missing persons' } });
  for (const phone of ['+12025550101', '+12025550102'])
    await app.subscribers.add(
      {
        name: '市民',
        locale: 'zh-CN',
        topics: [],
        districts: [],
        phone,
        consentAt: new Date(),
        consentSource: 'test',
      },
      { id: author.id },
    );
});
afterAll(() => office?.close());

describe.runIf(hasBrowser())('writing', () => {
  test('what everybody gets stands beside it, it saves itself, and nobody overwrites anybody', {
    timeout: 120_000,
  }, async () => {
    const page = await office.as(author);
    await page.goto('/console/announcements/new');
    await page.getByLabel('案件编号').fill('DL-2026-0117');
    await page.getByLabel('案件名称').fill('系列诈骗案');
    const chinese = page.getByRole('group', { name: '中文' });
    await chinese.getByLabel('标题').fill('警惕冒充客服诈骗');
    await chinese.getByLabel('摘要').fill('如遇可疑来电，请拨打13812345678。');
    await chinese.getByLabel('正文（每行一段）').fill('警方已立案侦查。');
    await page.locator('.bubble', { hasText: '警惕冒充客服诈骗' }).first().waitFor();
    await page.getByText('2 人').first().waitFor();
    expect(await page.locator('[data-used-of="content.zh-CN.headline"]').textContent()).toBe('8 / 60');
    await page.getByText(/已保存 \d\d:\d\d/).waitFor();
    await page.waitForURL('**/edit');

    // A reason is typed while the page is drawn again around it.
    const reason = page.getByLabel('13812345678 为何可以发布');
    await reason.pressSequentially('这是我局对外公布的举报电话', { delay: 150 });
    await page.waitForResponse('**/autosave');
    expect(await reason.inputValue()).toBe('这是我局对外公布的举报电话');
    expect(await reason.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);

    // The mail as it looks comes from what was saved.
    await page.getByText('网页版').first().click();
    await page.frameLocator('#frame-zh-CN iframe').getByText('警惕冒充客服诈骗').first().waitFor();

    const theirs = await office.as(colleague);
    await theirs.goto(page.url());
    await theirs.getByText('可能仍在编辑').waitFor();
    await theirs.getByRole('group', { name: '中文' }).getByLabel('防范提示').fill('同事补充的提示');
    await theirs.getByRole('button', { name: '保存草稿' }).click();
    await theirs.getByText('草稿已保存。').waitFor();

    await chinese.getByLabel('防范提示').fill('我写的提示');
    await page.getByText('陈晨 于').waitFor();
    await page.getByRole('button', { name: '查看两个版本' }).click();
    await page.getByText('没有任何内容被覆盖').waitFor();
    expect(await page.locator('.diff').allTextContents()).toEqual(
      expect.arrayContaining([expect.stringContaining('同事'), expect.stringContaining('我')]),
    );
    await page.getByRole('radio', { name: /防范提示: 已保存（陈晨）/ }).check();
    await page.getByRole('button', { name: '保存所选' }).click();
    await page.getByText('草稿已保存。').waitFor();
    expect(await chinese.getByLabel('防范提示').inputValue()).toBe('同事补充的提示');
    await page.getByRole('button', { name: '提交审批' }).click();
    await page.getByText('已提交，等待另一位同事审批。').waitFor();
  });

  test('what follows in the moment of a save waits for it, instead of meeting it', async () => {
    const page = await office.as(author);
    await page.goto('/console/announcements/new');
    await page.getByLabel('案件编号').fill('DL-2026-0118');
    await page.getByLabel('案件名称').fill('盗窃案');
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/autosave', async (route) => {
      await held;
      await route.continue();
    });
    const chinese = page.getByRole('group', { name: '中文' });
    const asked = page.waitForRequest('**/autosave');
    await chinese.getByLabel('标题').fill('一');
    await asked;
    await chinese.getByLabel('标题').fill('一个标题');
    await page.getByRole('button', { name: '保存草稿' }).click();
    release();
    await page.getByText('草稿已保存。').waitFor();
    expect(await chinese.getByLabel('标题').inputValue()).toBe('一个标题');
    const { app } = office.herald;
    const found = await app.announce.list({ search: 'DL-2026-0118', limit: 10 });
    expect(found.map(({ revision }) => revision)).toEqual([1]);
  });

  test('its pages are for everybody: axe, 320 px, dark, English, and without JavaScript', {
    timeout: 120_000,
  }, async () => {
    const { app } = office.herald;
    const content = {
      'zh-CN': { ...DRAFT.content['zh-CN'], body: '嫌疑人张伟（17岁）已被控制。' },
      en: { headline: 'Beware', summary: 'Do not pay – hang up: 张' },
    };
    const { id } = await app.announce.save(null, { ...DRAFT, content }, { id: author.id, role: 'author' });
    const approver = await person(office.herald, 'approver');
    const sent = await app.announce.create(DRAFT, author);
    await app.announce.submit(sent.id, author);
    await app.announce.approve(sent.id, approver);
    const hub = `/console/announcements/${app.ids.encode('announcement', sent.id)}`;
    const edit = `/console/announcements/${app.ids.encode('announcement', id)}/edit`;
    for (const [viewport, colorScheme, locale, javaScriptEnabled] of [
      [PHONE, 'dark', 'en', true],
      [PHONE, 'light', 'zh-CN', false],
      [DESK, 'light', 'zh-CN', true],
    ] as const) {
      await app.pool.query('UPDATE users SET locale = $1', [locale]);
      const page = await office.as(author, { viewport, colorScheme, javaScriptEnabled });
      for (const one of ['/console/announcements/new', `${edit}?check=1`]) {
        await page.goto(one);
        await page.locator('h1').waitFor();
        await expectNoSidewaysScroll(page);
        if (javaScriptEnabled) await expectNoAxeViolations(page);
      }
      await page.goto(hub);
      for (const summary of await page.locator('.confirm > summary').all()) await summary.click();
      await expectNoSidewaysScroll(page);
      if (javaScriptEnabled) await expectNoAxeViolations(page);
      await page.getByRole('link', { name: /^(Correct it|更正)$/ }).click();
      await page.locator('#draft').waitFor();
      await expectNoSidewaysScroll(page);
      await page.goto(`${edit}?check=1`);
      // The conflict's page is the answer to a form that went on from something else.
      await page.locator('#draft-version').evaluate((field) => field.setAttribute('value', 'old'));
      await page.locator('#caseTitle').fill('something else');
      await page.locator('button[value=save]').click();
      await page.locator('.diff').first().waitFor();
      await expectNoSidewaysScroll(page);
      if (javaScriptEnabled) await expectNoAxeViolations(page);
      await page.context().close();
    }
  });
});
