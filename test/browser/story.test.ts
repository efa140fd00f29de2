import twilio from 'twilio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import {
  DESK,
  expectNoAxeViolations,
  expectNoSidewaysScroll,
  hasBrowser,
  type Page,
  PHONE,
} from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { type Person, person } from '../web/console/visitor.ts';
import { type BrowserOffice, openBrowserOffice } from './office.ts';

const PEOPLE = 3;
/** What the gateways of a live Herald are. */
let provider: Sandbox;
let office: BrowserOffice;
let li: Person;
let wang: Person;
beforeAll(async () => {
  if (!hasBrowser()) return;
  // The receipts are the test's own: a server without TLS is not at its public address.
  provider = await startSandbox({ twilioSettings: { receiptDelayMs: 3_600_000 } });
  office = await openBrowserOffice({
    HERALD_MODE: 'live',
    TWILIO_ACCOUNT_SID: provider.twilio.accountSid,
    TWILIO_AUTH_TOKEN: provider.twilio.authToken,
    TWILIO_FROM: '+15005550006',
    TWILIO_API_URL: provider.url,
    SMTP_URL: provider.smtpUrl,
    EMAIL_FROM: 'notices@herald.example',
    BOUNCE_ADDRESS: 'bounce@herald.example',
    SMS_PRICE_PER_SEGMENT: '0.05',
  });
  li = await person(office.herald, 'approver', '李静');
  wang = await person(office.herald, 'approver', '王强');
  await office.citizens(PEOPLE);
  await office.work();
});
afterAll(async () => {
  await office?.close();
  await provider?.close();
});

/** As Twilio tells what became of what it took. */
async function tellDelivered(): Promise<void> {
  const { server, app } = office.herald;
  const { accountSid, authToken } = provider.twilio;
  for (const { gatewayMessageId, deliveryId } of provider.ledger.list({ channel: 'sms' })) {
    const url = `/callbacks/twilio/status?delivery=${deliveryId}`;
    const form = { AccountSid: accountSid, MessageSid: gatewayMessageId, MessageStatus: 'delivered' };
    const { statusCode } = await server.inject({
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(
          authToken,
          `${app.config.publicUrl}${url}`,
          form,
        ),
      },
      payload: new URLSearchParams(form).toString(),
    });
    expect(statusCode).toBe(204);
  }
}

const send = (page: Page) => page.getByRole('button', { name: `向 ${PEOPLE} 人发送`, exact: true });

describe.runIf(hasBrowser())('a live announcement, written by one and approved by another', () => {
  test('from the first word to the last receipt', { timeout: 120_000 }, async () => {
    const writing = await office.as(li);
    await writing.goto('/console');
    await writing.getByText('批准后的通告会真实发出').waitFor();
    await writing.goto('/console/announcements/new');
    await writing.getByLabel('案件编号').fill('DL-2026-0117');
    await writing.getByLabel('案件名称').fill('系列诈骗案');
    const chinese = writing.getByRole('group', { name: '中文' });
    await chinese.getByLabel('标题').fill('警惕冒充客服诈骗');
    await chinese.getByLabel('摘要').fill('如遇可疑来电，请立刻挂断。');
    await chinese.getByLabel('正文（每行一段）').fill('警方已立案侦查。');
    await writing.getByRole('button', { name: '提交审批' }).click();
    await writing.getByText('已提交，等待另一位同事审批。').waitFor();

    // Whoever wrote it does not approve it.
    await writing.getByRole('link', { name: '审批', exact: true }).click();
    await writing.getByText('您参与了撰写，因此不能审批').waitFor();
    expect(await send(writing).count()).toBe(0);

    const looking = await office.as(wang);
    await looking.goto('/console');
    await looking.getByRole('link', { name: '警惕冒充客服诈骗' }).click();
    await send(looking).waitFor();

    // A typo is mended meanwhile, from another window.
    const mending = await looking.context().newPage();
    await mending.goto(looking.url());
    await mending.getByText('建议修改').click();
    await mending.getByLabel(/^摘要/).fill('如遇可疑来电，请立即挂断。');
    await mending.getByRole('button', { name: '提交建议' }).click();
    await mending.getByText('建议已保存').waitFor();
    await writing.reload();
    await writing.getByRole('button', { name: '采纳并重新提交' }).click();
    await writing.getByText('已采纳').waitFor();

    // What was looked at is not what would be sent: it is not.
    await send(looking).click();
    await looking.getByText('内容在您查看之后有变化，未批准').waitFor();
    await looking.getByText('请立即挂断').first().waitFor();
    expect(provider.ledger.list({})).toEqual([]);

    // The second factor was given too long ago; it is asked for, and the button says what it does.
    await office.herald.app.pool.query(
      `UPDATE sessions SET second_factor_at = now() - interval '6 minutes' WHERE user_id = $1`,
      [wang.id],
    );
    await send(looking).click();
    await looking.getByText('验证通过后立即执行').waitFor();
    await expectNoAxeViolations(looking);
    await looking.setViewportSize(PHONE);
    await expectNoSidewaysScroll(looking);
    await looking.setViewportSize(DESK);
    expect(provider.ledger.list({})).toEqual([]);
    await looking.getByLabel('验证码').fill('000000');
    await send(looking).first().click();
    await looking.getByText('验证码不正确').waitFor();
    await office.herald.app.pool.query('UPDATE users SET totp_step = NULL WHERE id = $1', [wang.id]);
    await looking.getByLabel('验证码').fill(wang.code());
    await send(looking).first().click();
    await looking.waitForURL('**/progress');

    await eventually(async () => expect(provider.ledger.list({})).toHaveLength(2 * PEOPLE), 20_000);
    for (const { body } of provider.ledger.list({ channel: 'sms' })) expect(body).toContain('请立即挂断');
    await looking.getByText('短信').first().waitFor();
    await tellDelivered();
    await looking.locator('#badges', { hasText: '已完成' }).waitFor({ timeout: 20_000 });
    await looking
      .getByText(/50%.*确认送达|确认送达.*50%/)
      .first()
      .waitFor();
  });

  test('says so when it no longer moves, and goes on when it can', async () => {
    const { announce, ids } = office.herald.app;
    const [last] = await announce.list({ limit: 1 });
    if (!last) throw new Error('there is none');
    const by = { id: li.id, role: 'approver' as const };
    const { id } = await announce.create(
      { ...last.draft, scheduledAt: new Date(Date.now() + 3_600_000).toISOString() },
      by,
    );
    await announce.submit(id, by);
    await announce.approve(id, { id: wang.id, role: 'approver' });
    // A context of its own: that the connection breaks is told in the browser's console as well.
    const context = await office.browser.newContext({ baseURL: office.url, locale: 'zh-CN' });
    await context.addCookies(await (await office.as(wang)).context().cookies());
    const page = await context.newPage();
    await page.route('**/events', (route) => route.abort());
    await page.goto(`/console/announcements/${ids.encode('announcement', id)}/progress`);
    const said = page.getByText('这一页没有更新');
    await said.waitFor();
    await page.unroute('**/events');
    await said.waitFor({ state: 'hidden' });
    await context.close();
  });
});
