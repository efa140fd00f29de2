import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { type BrowserOffice, openBrowserOffice } from '../browser/office.ts';
import { eventually } from '../support/eventually.ts';
import { type Person, person } from '../web/console/visitor.ts';
import { DRAFT } from '../web/herald.ts';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLE = JSON.parse(readFileSync(join(ROOT, 'examples/announcement.json'), 'utf8'));
const PEOPLE = 2_000;

let office: BrowserOffice;
let author: Person;
let approver: Person;
beforeAll(async () => {
  office = await openBrowserOffice();
  author = await person(office.herald, 'author', '李静');
  approver = await person(office.herald, 'approver', '王强');
  await office.herald.app.identity.accounts.change(approver.id, { phone: '+14155550110' }, undefined);
  await office.herald.app.pool.query(
    `WITH person AS (
       INSERT INTO subscribers (locale, consent_at, consent_source)
       SELECT CASE WHEN i % 5 = 0 THEN 'en' ELSE 'zh-CN' END, now(), 'example' FROM generate_series(1, $1::int) i RETURNING id)
     INSERT INTO contacts (subscriber_id, channel, address)
     SELECT id, 'sms'::channel, '+1' || 2025550000 + id FROM person
     UNION ALL SELECT id, 'email', 'citizen' || id || '@example.org' FROM person`,
    [PEOPLE],
  );
});
afterAll(() => office.close());

/** A draft of the example's case, as these pages show it. */
async function announcement(headline: string, more: object = {}): Promise<{ id: number; page: string }> {
  const { announce, ids } = office.herald.app;
  const content = {
    ...EXAMPLE.content,
    'zh-CN': { ...EXAMPLE.content['zh-CN'], headline },
  };
  const draft = { ...DRAFT, case: EXAMPLE.case, content, channels: ['sms', 'email'], urgency: 'urgent' };
  const { id } = await announce.create({ ...draft, basis: '局新闻办批复〔2026〕12 号', ...more }, author);
  return { id, page: `/console/announcements/${ids.encode('announcement', id)}` };
}

test('screenshots of the console', { timeout: 300_000 }, async () => {
  const { announce } = office.herald.app;
  const sent = await announcement('警惕冒充银行客服的退款诈骗');
  await announce.submit(sent.id, author);
  await announce.approve(sent.id, approver);
  await office.work();
  await eventually(async () => {
    const { state } = await announce.get(sent.id);
    if (state !== 'completed') throw new Error(`it is ${state}`);
  }, 120_000);
  const waits = await announcement('南岸分局征集“11·20”案件线索');
  await announce.submit(waits.id, author);
  const draft = await announcement('周末大型活动期间的交通提示');

  const DESK = { width: 1280, height: 860 };
  const PHONE = { width: 390, height: 844 };
  for (const [name, who, path, viewport, colorScheme] of [
    ['home', approver, '/console', DESK, 'light'],
    ['write', author, `${draft.page}/edit`, DESK, 'light'],
    ['approve', approver, `${waits.page}/approve`, DESK, 'light'],
    ['approve-phone', approver, `${waits.page}/approve`, PHONE, 'dark'],
    ['progress', author, `${sent.page}/progress`, DESK, 'light'],
    ['deliveries', author, `${sent.page}/deliveries`, DESK, 'dark'],
  ] as const) {
    const page = await office.as(who, { viewport, colorScheme });
    await page.goto(path, { waitUntil: 'networkidle' });
    await page.screenshot({ path: join(ROOT, `docs/images/console-${name}.png`) });
    await page.context().close();
  }
});
