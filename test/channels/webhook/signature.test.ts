import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { generateSecret, sign, verify } from '../../../src/channels/webhook/signature.ts';

const now = () => Math.floor(Date.now() / 1_000);
const body = fc.string({ unit: 'grapheme', maxLength: 300 });
const id = fc.stringMatching(/^dlv_[0-9a-z]{1,30}$/);

describe('signatures', () => {
  it('are those of the reference implementation', () => {
    fc.assert(
      fc.property(id, body, (webhookId, text) => {
        const secret = generateSecret();
        const time = now();
        const headers = sign([secret], webhookId, time, text);
        const oracle = new Webhook(secret);
        expect(headers['webhook-signature']).toBe(oracle.sign(webhookId, new Date(time * 1_000), text));
        expect(() => oracle.verify(text, { ...headers }, { jsonParse: false })).not.toThrow();
        expect(verify([secret], headers, text, time)).toBe(true);
      }),
    );
  });

  it('by the old and the new secret let a receiver hold either while they are changed', () => {
    const [fresh, old, other] = [generateSecret(), generateSecret(), generateSecret()];
    const headers = sign([fresh, old], 'dlv_1', now(), '{}');
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
    for (const secret of [fresh, old]) {
      expect(() => new Webhook(secret).verify('{}', { ...headers })).not.toThrow();
      expect(verify([secret], headers, '{}', now())).toBe(true);
    }
    expect(verify([other], headers, '{}', now())).toBe(false);
    expect(verify([other, old], headers, '{}', now())).toBe(true);
  });

  it('do not verify when anything that was signed is changed', () => {
    const secret = generateSecret();
    const headers = sign([secret], 'dlv_1', now(), '{"a":1}');
    expect(verify([secret], headers, '{"a":2}', now())).toBe(false);
    expect(verify([secret], { ...headers, 'webhook-id': 'dlv_2' }, '{"a":1}', now())).toBe(false);
    const later = { ...headers, 'webhook-timestamp': String(now() + 1) };
    expect(verify([secret], later, '{"a":1}', now())).toBe(false);
    for (const signature of ['', 'v1,', 'v1,AAAA', headers['webhook-signature'].replace('v1,', 'v2,')]) {
      expect(verify([secret], { ...headers, 'webhook-signature': signature }, '{"a":1}', now())).toBe(false);
    }
  });

  it('age: five minutes, no more, in either direction', () => {
    const secret = generateSecret();
    const headers = sign([secret], 'dlv_1', 1_000_000, '{}');
    expect([999_699, 999_700, 1_000_300, 1_000_301].map((at) => verify([secret], headers, '{}', at))).toEqual(
      [false, true, true, false],
    );
    expect(verify([secret], { ...headers, 'webhook-timestamp': 'now' }, '{}', 1_000_000)).toBe(false);
  });

  it.each([[[]], [['secret']], [['whsec_c2hvcnQ=']], [[`whsec_${Buffer.alloc(65).toString('base64')}`]]])(
    'need a secret of the right form, not %j',
    (secrets) => {
      expect(() => sign(secrets, 'dlv_1', now(), '{}')).toThrow(
        expect.objectContaining({ code: 'webhook-secret-invalid' }),
      );
    },
  );

  it('secrets are whsec_ and 32 bytes, a new one each time', () => {
    const secrets = new Set(Array.from({ length: 50 }, generateSecret));
    expect(secrets.size).toBe(50);
    for (const secret of secrets)
      expect(Buffer.from(secret.replace('whsec_', ''), 'base64')).toHaveLength(32);
  });
});
