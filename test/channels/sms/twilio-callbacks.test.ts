import { createHash } from 'node:crypto';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import {
  parseInbound,
  parseStatusCallback,
  verifyTwilioSignature,
} from '../../../src/channels/sms/twilio-callbacks.ts';

const authToken = '12345';

describe('the signature', () => {
  // The worked example of Twilio's own documentation.
  const url = 'https://mycompany.com/myapp.php?foo=1&bar=2';
  const params = {
    CallSid: 'CA1234567890ABCDE',
    Caller: '+14158675309',
    Digits: '1234',
    From: '+14158675309',
    To: '+18005551212',
  };
  const signature = 'RSOYDt4T1cUTdK1PDd93/VVr8B8=';

  it('is accepted when it is right', () => {
    expect(verifyTwilioSignature({ authToken, signature, url, params })).toBe(true);
  });

  it.each([
    ['another token', { authToken: '54321' }],
    ['another field', { params: { ...params, Digits: '4321' } }],
    ['a field more', { params: { ...params, Extra: '1' } }],
    ['another path', { url: url.replace('myapp', 'yourapp') }],
    ['http for https', { url: url.replace('https', 'http') }],
    ['no signature', { signature: undefined }],
    ['a relative URL', { url: '/myapp.php?foo=1&bar=2' }],
  ])('is refused with %s', (_what, change) => {
    expect(verifyTwilioSignature({ authToken, signature, url, params, ...change })).toBe(false);
  });

  it('of a body that is no form covers its hash', () => {
    const rawBody = '{"a":1}';
    const hash = createHash('sha256').update(rawBody).digest('hex');
    const jsonUrl = `https://example.org/cb?bodySHA256=${hash}`;
    const signed = twilio.getExpectedTwilioSignature(authToken, jsonUrl, {});
    const request = { authToken, signature: signed, url: jsonUrl, params: {} };
    expect(verifyTwilioSignature({ ...request, rawBody })).toBe(true);
    expect(verifyTwilioSignature({ ...request, rawBody: '{"a":2}' })).toBe(false);
  });
});

describe('a status callback', () => {
  const sid = `SM${'a'.repeat(32)}`;
  const parse = (params: Record<string, unknown>) =>
    parseStatusCallback({ MessageSid: sid, ...params }, { delivery: 'dlv_1' });

  it.each([
    ['accepted', undefined],
    ['queued', undefined],
    ['sending', undefined],
    ['constructor', undefined],
    ['sent', 'sent'],
    ['delivered', 'delivered'],
    ['read', 'delivered'],
    ['undelivered', 'undelivered'],
    ['failed', 'failed'],
    ['canceled', 'failed'],
  ])('%s is the receipt %s', (status, receipt) => {
    const callback = parse({ MessageStatus: status });
    expect(callback).toMatchObject({ deliveryId: 'dlv_1', providerMessageId: sid, providerStatus: status });
    expect(callback.receipt).toBe(receipt);
  });

  it.each([
    ['21610', { category: 'opted-out' }],
    ['30004', { category: 'rejected-content' }],
    ['30003', { category: 'temporary' }],
    ['30005', { category: 'permanent' }],
    ['30036', { category: 'expired' }],
    ['99999', { category: 'temporary', unlisted: true }],
  ])('translates the code %s with the table of the API', (code, expected) => {
    const callback = parse({ MessageStatus: 'undelivered', ErrorCode: code });
    expect(callback).toMatchObject({ code, ...expected });
    expect('unlisted' in callback).toBe('unlisted' in expected);
  });

  it('has no code when Twilio says 0 or nothing', () => {
    expect(parse({ MessageStatus: 'delivered', ErrorCode: '0' })).not.toHaveProperty('code');
    expect(parse({ MessageStatus: 'delivered', ErrorCode: '' })).not.toHaveProperty('code');
  });

  it("keeps the carrier's time as local text", () => {
    expect(parse({ MessageStatus: 'delivered', RawDlrDoneDate: '2611231530' }).doneAt).toBe(
      '2026-11-23T15:30',
    );
    expect(parse({ MessageStatus: 'delivered', RawDlrDoneDate: 'soon' })).not.toHaveProperty('doneAt');
  });

  it.each([
    [{ MessageSid: sid }, { delivery: 'dlv_1' }],
    [{ MessageStatus: 'sent' }, { delivery: 'dlv_1' }],
    [{ MessageSid: sid, MessageStatus: 'sent' }, {}],
    [{ MessageSid: sid, MessageStatus: ['sent', 'delivered'] }, { delivery: 'dlv_1' }],
  ])('is refused when a part is missing or doubled: %j', (params, query) => {
    expect(() => parseStatusCallback(params, query)).toThrow(
      expect.objectContaining({ code: 'invalid-callback' }),
    );
  });
});

describe('an inbound message', () => {
  const parse = (Body: string, more: Record<string, string> = {}) =>
    parseInbound({ From: '+8613800000000', MessageSid: 'SM1', Body, ...more }).act;

  it.each([
    ['STOP', 'leave'],
    [' stop. ', 'leave'],
    ['Unsubscribe', 'leave'],
    ['R', 'leave'],
    ['Ｒ', 'leave'],
    ['ＴＤ', 'leave'],
    ['t', 'leave'],
    ['退订', 'leave'],
    ['“拒收”！', 'leave'],
    ['st\u200bop', 'leave'],
    ['回复 R', 'leave'],
    ['请退订', 'leave'],
    ['STOP please', 'leave'],
    ['START', 'return'],
    ['yes', 'return'],
    ['help?', 'help'],
    ['INFO', 'help'],
    ['Please stop the thief', 'other'],
    ['谢谢', 'other'],
    ['', 'other'],
    ['constructor', 'other'],
  ])('%j is %s', (body, act) => {
    expect(parse(body)).toBe(act);
  });

  it('is what OptOutType says, whatever the words', () => {
    expect(parse('arrêt', { OptOutType: 'STOP' })).toBe('leave');
    expect(parse('STOP', { OptOutType: 'START' })).toBe('return');
    expect(parse('STOP', { OptOutType: 'something new' })).toBe('leave');
  });

  it('is refused without a sender', () => {
    expect(() => parseInbound({ MessageSid: 'SM1', Body: 'STOP' })).toThrow(
      expect.objectContaining({ code: 'invalid-callback' }),
    );
  });
});
