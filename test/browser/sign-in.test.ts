import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addVirtualAuthenticator, hasBrowser, type Page, tabTo } from '../support/browser.ts';
import { PASSWORD, person } from '../web/console/visitor.ts';
import { type BrowserOffice, openBrowserOffice } from './office.ts';

let office: BrowserOffice;
beforeAll(async () => {
  if (hasBrowser()) office = await openBrowserOffice();
});
afterAll(() => office?.close());

const path = (page: Page) => new URL(page.url()).pathname;
const invited = async (name: string, role: 'author' | 'approver' | 'admin') => {
  const { identity, users } = office.herald.app;
  const { id } = await users.add({ name, role });
  return { id, link: (await identity.invite(id, undefined)).url };
};
describe.runIf(hasBrowser())('signing in, in a browser', () => {
  test('from the invitation to the second step and back again, by keyboard alone', async () => {
    const { link } = await invited('王警官', 'approver');
    const page = await (await office.context()).newPage();
    await page.goto(link);
    await tabTo(page, 'login');
    await page.keyboard.type('wang');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/console/enrol');
    const secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '');
    const code = () => TOTP.generate({ secret: Secret.fromBase32(secret) });
    await page.locator('.qr').waitFor();
    await tabTo(page, 'code');
    await page.keyboard.type(code());
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '保存恢复码' }).waitFor();
    const recovery = await page.locator('.codes code').allInnerTexts();
    expect(recovery).toHaveLength(10);
    await tabTo(page, '我已保存');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '王警官，您好' }).waitFor();

    await tabTo(page, '退出登录');
    await page.keyboard.press('Enter');
    await page.getByText('您已退出登录。').waitFor();
    await page.getByLabel('登录名').fill('wang');
    await page.getByLabel('密码').fill('not the password');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('登录名或密码不正确').waitFor();
    await page.getByLabel('密码').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/console/second-factor?**');
    await page.goto('/console/account');
    expect(path(page)).toBe('/console/second-factor');
    await page.getByText('没有验证器？使用恢复码').press('Enter');
    await page.getByLabel('恢复码').fill(recovery[3] ?? '');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '我的账户' }).waitFor();
    await page.getByText('剩余 9 个').waitFor();
    await page.context().close();
  });

  test('with a passkey: made at the invitation, then enough by itself', async () => {
    const { id, link } = await invited('Li Na', 'admin');
    const page = await (await office.context({ locale: 'en-GB' })).newPage();
    await addVirtualAuthenticator(page);
    await page.goto(link);
    await page.getByLabel('Login').fill('lina');
    await page.getByLabel('New password').fill(PASSWORD);
    await page.getByLabel('Password again').fill(PASSWORD);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Name').fill('Duty room');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('link', { name: 'I have kept them, continue' }).click();
    await page.getByRole('heading', { name: 'Hello, Li Na' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('heading', { name: 'Hello, Li Na' }).waitFor();

    // Before something dangerous, it is asked for again.
    await office.herald.app.pool.query(
      `UPDATE sessions SET second_factor_at = now() - interval '6 minutes' WHERE user_id = $1`,
      [id],
    );
    await page.goto('/console/account');
    await page.getByRole('button', { name: 'Make new recovery codes' }).click();
    await page.getByRole('heading', { name: 'Confirm that it is you' }).waitFor();
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('heading', { name: 'Keep your recovery codes' }).waitFor();
    await page.goto('/console/account');
    await page.getByRole('button', { name: 'Remove the passkey Duty room' }).click();
    await page.getByText('This is the only second factor that is left', { exact: false }).waitFor();

    const rows = await office.herald.app.audit.list({ limit: 50, actor: id });
    expect(rows.map(({ act, subjectType, details }) => [act, subjectType, details.method]).reverse()).toEqual(
      [
        ['accept', 'user', undefined],
        ['sign-in', 'session', 'invitation'],
        ['add', 'passkey', undefined],
        ['second-factor', 'session', 'passkey'],
        ['set', 'recovery-codes', undefined],
        ['end', 'session', undefined],
        ['sign-in', 'session', 'passkey'],
        ['second-factor', 'session', 'passkey'],
        ['set', 'recovery-codes', undefined],
      ],
    );
    await page.context().close();
  });

  test('language and appearance are chosen on every page, and kept', async () => {
    const page = await (await office.context({ colorScheme: 'light' })).newPage();
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await page.goto('/console/sign-in');
    const light = await ground();
    await page.getByRole('button', { name: '深色' }).click();
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await ground()).not.toBe(light);
    await page.goto('/console/sign-in');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    await page.context().close();
  });

  test('without JavaScript all of it works but the passkey, which says so', async () => {
    const admin = await person(office.herald, 'admin');
    const user = await person(office.herald, 'author', 'Zhang San');
    const page = await (await office.context({ javaScriptEnabled: false, locale: 'en' })).newPage();
    await office.herald.app.pool.query('UPDATE users SET totp_step = NULL WHERE id = $1', [admin.id]);
    await page.goto('/console/admin/users');
    expect(await page.getByRole('button', { name: 'Sign in with a passkey' }).isVisible()).toBe(false);
    await page.getByLabel('Login').fill(admin.login);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByLabel('Code').first().fill(admin.code());
    await page.getByRole('button', { name: 'Verify' }).first().click();
    await page.getByRole('link', { name: 'Zhang San' }).click();
    await page.getByRole('radio', { name: 'Approver' }).check();
    await page.getByRole('button', { name: 'Change role' }).click();
    await page.getByText('The role was changed').waitFor();
    expect((await office.herald.app.users.get(user.id)).role).toBe('approver');
    await page.getByText('Disable the user').last().click();
    await page.getByRole('button', { name: 'Disable', exact: true }).click();
    await page.getByText('The user is disabled').waitFor();
    await page.context().close();
  });
});
