import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import DKIM from 'nodemailer/lib/dkim';
import { describe, expect, it } from 'vitest';
import { createComposer } from '../../../src/channels/email/compose.ts';
import { HeraldError } from '../../../src/domain/errors.ts';
import { IDENTITY, outgoingEmail } from './message.ts';

const compose = createComposer(IDENTITY);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

describe('a composed mail', () => {
  it('says who writes, to whom, in which language and that a machine wrote it', async () => {
    const message = outgoingEmail();
    const { raw, envelope, messageId } = await compose(message);
    const mail = await simpleParser(raw);
    expect(mail.from?.value).toEqual([{ name: '滨江公安', address: 'notice@police.example' }]);
    expect(mail.to).toMatchObject({ value: [{ address: message.address }] });
    expect(mail.subject).toBe(message.content.subject);
    expect(mail.headers.get('content-language')).toBe('zh-CN');
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail.headers.has('precedence')).toBe(false);
    expect(mail.text?.trim()).toBe(message.content.text.trim());
    expect(mail.html).toContain('<div lang="zh-CN">');
    expect(messageId).toBe(`<${message.deliveryId}@mail.police.example>`);
    expect(mail.messageId).toBe(messageId);
    expect(envelope).toEqual({
      from: `bounce+${message.deliveryId}@bounces.police.example`,
      to: message.address,
    });
  });

  it('lets the reader leave with one click, by https and by mail', async () => {
    const { raw } = await compose(outgoingEmail());
    const headers = headerLines(raw);
    expect(headers.get('list-unsubscribe')).toBe(
      '<https://notices.police.example/u/TokenOfThisOne_1-x>, ' +
        '<mailto:leave+TokenOfThisOne_1-x@bounces.police.example?subject=leave>',
    );
    expect(headers.get('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
    expect(headers.get('list-id')).toBe('<notices.police.example>');
  });

  it('leaves the mail target out when the token does not fit into an address', async () => {
    const leaveUrl = `https://notices.police.example/u/${'t'.repeat(80)}`;
    const { raw } = await compose(outgoingEmail({ leaveUrl }));
    expect(headerLines(raw).get('list-unsubscribe')).toBe(`<${leaveUrl}>`);
  });

  it('a message to one person is of no list, and made by a machine all the same', async () => {
    const message = outgoingEmail({ leaveUrl: null });
    const headers = headerLines((await compose(message)).raw);
    expect([...headers.keys()].filter((name) => name.startsWith('list-'))).toEqual([]);
    expect(headers.get('auto-submitted')).toBe('auto-generated');
    expect(headers.get('message-id')).toContain(message.deliveryId);
  });

  it('threads a correction under what it corrects', async () => {
    const notice = await simpleParser((await compose(outgoingEmail({ announcementId: 'ann_1' }))).raw);
    const correction = await simpleParser(
      (await compose(outgoingEmail({ announcementId: 'ann_3', supersededIds: ['ann_1', 'ann_2'] }))).raw,
    );
    expect(notice.references).toBe('<ann_1@mail.police.example>');
    expect(notice.inReplyTo).toBeUndefined();
    expect(correction.inReplyTo).toBe('<ann_2@mail.police.example>');
    expect(correction.references).toEqual(
      ['ann_1', 'ann_2', 'ann_3'].map((id) => `<${id}@mail.police.example>`),
    );
  });

  it('goes to the ASCII form of a domain, so that every server can take it', async () => {
    const { envelope, raw } = await compose(outgoingEmail({ address: 'li.wei@滨江.example' }));
    expect(envelope.to).toBe('li.wei@xn--9swz7c.example');
    expect(headerLines(raw).get('to')).toBe('li.wei@xn--9swz7c.example');
  });

  it('keeps its Message-ID at every attempt', async () => {
    const message = outgoingEmail();
    const again = await compose({ ...message, attempt: 2 });
    expect(again.messageId).toBe((await compose(message)).messageId);
  });

  it.each([
    ['bounceAddress', 'Herald <bounce@example.org>'],
    ['bounceAddress', `${'b'.repeat(40)}@example.org`],
    ['oneClickMail', 'no mailbox'],
    ['from', 'a@example.org, b@example.org'],
    ['from', 'nobody'],
  ])('is not made with %s %s', (field, value) => {
    expect(() => createComposer({ ...IDENTITY, [field]: value })).toThrow(
      expect.objectContaining({ code: 'email-mailbox-invalid' }),
    );
  });
});

describe('headers cannot be injected', () => {
  const usual = ['from', 'to', 'subject', 'message-id', 'references', 'list-id', 'list-unsubscribe'];
  const expected = [
    ...usual,
    'list-unsubscribe-post',
    'auto-submitted',
    'content-language',
    'date',
    'mime-version',
    'content-type',
  ].sort();

  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc
      .array(
        fc.constantFrom(
          '\r',
          '\n',
          '\0',
          '\u2028',
          '\u0085',
          '\v',
          '\t',
          ' ',
          'Bcc: x@example.org',
          '=?utf-8?Q?=0A?=',
          '滨江',
        ),
      )
      .map((parts) => parts.join('')),
  );

  it('by any subject: it is refused, or the mail has its usual headers and no other', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (subject) => {
        const message = outgoingEmail();
        const attempt = compose({ ...message, content: { ...message.content, subject } });
        if (/[\r\n\0]/.test(subject)) {
          await expect(attempt).rejects.toMatchObject({ code: 'email-not-composable' });
          return;
        }
        const lines = headerLines((await attempt).raw);
        // An empty subject has no header of its own.
        lines.set('subject', '');
        expect([...lines.keys()].sort()).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('by any address: it is refused, or it is the only recipient', async () => {
    await fc.assert(
      fc.asyncProperty(anything, anything, async (local, domain) => {
        const address = `${local}@${domain}`;
        try {
          const { envelope, raw } = await compose(outgoingEmail({ address }));
          expect(envelope.to).toBe(
            `${local}@${/^[\0-\x7f]*$/.test(domain) ? domain : domainToASCII(domain)}`,
          );
          expect([...headerLines(raw).keys()].sort()).toEqual(expected);
        } catch (error) {
          expect(error).toBeInstanceOf(HeraldError);
          expect(error).toMatchObject({ code: 'email-address-invalid' });
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    'a@example.org, b@example.org',
    'a@example.org\r\nBcc: b@example.org',
    'A <a@example.org>',
    '"a b"@example.org',
    'a@b@example.org',
    'a@\u0430%.example',
    'a@example.org> SIZE=1',
    '',
  ])('by the address %j', async (address) => {
    await expect(compose(outgoingEmail({ address }))).rejects.toMatchObject({
      code: 'email-address-invalid',
    });
  });

  it.each([
    ['leaveUrl', 'https://a.example/u/x>\r\nBcc: <b@example.org'],
    ['leaveUrl', 'not a url'],
    ['deliveryId', 'dlv_1@x>\r\nBcc: <b'],
    ['announcementId', 'ann 1'],
  ])('by the %s %j', async (field, value) => {
    const attempt = compose(outgoingEmail({ [field]: value }));
    const lines = await attempt.then(
      ({ raw }) => [...headerLines(raw).keys()],
      () => undefined,
    );
    if (lines) expect(lines.sort()).toEqual(expected);
    else await expect(attempt).rejects.toMatchObject({ code: 'email-not-composable' });
  });
});

describe('DKIM', () => {
  const dkim = { domain: 'police.example', selector: 'h1', privateKey };

  it.each([
    ['a key object', privateKey],
    ['a PEM', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
  ])('signs with %s what the public key verifies, one-click headers included', async (_, key) => {
    const { raw } = await createComposer({ ...IDENTITY, dkim: { ...dkim, privateKey: key } })(
      outgoingEmail(),
    );
    const signature = verifyDkim(raw, createPublicKey(privateKey));
    expect(signature).toMatchObject({ valid: true, d: 'police.example', s: 'h1' });
    expect(signature.h).toEqual(
      expect.arrayContaining([
        'from',
        'to',
        'subject',
        'date',
        'list-unsubscribe',
        'list-unsubscribe-post',
        'list-id',
      ]),
    );
  });

  it('verifies whatever the body: white space of every kind, empty, long, threaded, of no list', async () => {
    const chunks = [
      ' ',
      '  ',
      '\t',
      ' \n',
      '\t\r\n',
      '\n\n\n',
      '\r',
      'word',
      '请知情者',
      '=',
      '.\n',
      'x'.repeat(100),
      '<p>',
    ];
    const text = fc.array(fc.constantFrom(...chunks), { maxLength: 40 }).map((parts) => parts.join(''));
    const compose = createComposer({ ...IDENTITY, dkim });
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        fc.constantFrom('协查通报', 'two  spaces', '', '长'.repeat(60)),
        fc.boolean(),
        fc.boolean(),
        async (plain, html, subject, threaded, single) => {
          const message = outgoingEmail({
            supersededIds: threaded ? ['ann_1'] : [],
            ...(single && { leaveUrl: null }),
          });
          const content = { ...message.content, text: plain, html, subject };
          const { raw } = await compose({ ...message, content });
          const signature = verifyDkim(raw, createPublicKey(privateKey));
          expect(signature.valid).toBe(true);
          // Every header of the mail is covered.
          expect([...signature.h, 'dkim-signature'].sort()).toEqual([...headerLines(raw).keys()].sort());
        },
      ),
      { numRuns: 100 },
    );
  });

  it('hashes the body as the library hashes it', async () => {
    const { raw } = await createComposer({ ...IDENTITY, dkim })(outgoingEmail());
    const bh = (mail: Buffer) => /\bbh=([^;]+);/.exec(mail.toString('latin1'))?.[1];
    const again = new DKIM({ domainName: 'police.example', keySelector: 'h1', privateKey }).sign(
      raw.subarray(raw.indexOf('\r\nFrom: ') + 2),
    );
    expect(bh(raw)).toMatch(/^[\w+/]{43}=$/);
    expect(bh(raw)).toBe(bh(await buffer(again)));
  });

  it.each([{ selector: 'h1; d=else.example' }, { selector: 'h1\r\nBcc: x' }, { domain: 'police example' }])(
    'refuses %j, which would end its tag',
    (changes) => {
      expect(() => createComposer({ ...IDENTITY, dkim: { ...dkim, ...changes } })).toThrow(
        expect.objectContaining({ code: 'dkim-key-unusable' }),
      );
    },
  );

  it('no longer verifies when a covered header or the body was changed', async () => {
    const { raw } = await createComposer({ ...IDENTITY, dkim })(outgoingEmail());
    const text = raw.toString('latin1');
    const target = text.replace('/u/TokenOfThisOne', '/u/SomebodyElses');
    const body = text.replace(/--\r\n$/, '--\r\nmore\r\n');
    for (const changed of [target, body]) {
      expect(changed).not.toBe(text);
      expect(verifyDkim(Buffer.from(changed, 'latin1'), createPublicKey(privateKey)).valid).toBe(false);
    }
  });

  it.each<[string, KeyObject | string]>([
    ['rubbish', 'not a key'],
    ['an ed25519 key', generateKeyPairSync('ed25519').privateKey],
    ['a public key', createPublicKey(privateKey)],
    ['a key of 512 bits', generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey],
    [
      'a key with a passphrase',
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' }).toString(),
    ],
  ])('refuses %s at creation instead of sending unsigned mail', (_, key) => {
    expect(() => createComposer({ ...IDENTITY, dkim: { ...dkim, privateKey: key } })).toThrow(
      expect.objectContaining({ code: 'dkim-key-unusable' }),
    );
  });

  it('is checked by a verifier that can fail', () => {
    expect(verifyDkim(Buffer.from('From: a@b.c\r\n\r\nx'), createPublicKey(privateKey)).valid).toBe(false);
  });
});

/** Header names in lower case and their unfolded values; a repeated name fails the test. */
function headerLines(raw: Buffer): Map<string, string> {
  const head = raw.toString('latin1').split('\r\n\r\n', 1)[0] ?? '';
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const map = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    expect(line).toMatch(/^[\w-]+:/);
    const name = line.slice(0, colon).toLowerCase();
    expect(map.has(name), `a second ${name}`).toBe(false);
    map.set(name, line.slice(colon + 1).trim());
  }
  return map;
}

/** RFC 6376 for `a=rsa-sha256; c=relaxed/relaxed`, written from the standard. */
function verifyDkim(
  raw: Buffer,
  publicKey: KeyObject,
): { valid: boolean; d: string | undefined; s: string | undefined; h: string[] } {
  const text = raw.toString('latin1');
  const split = text.indexOf('\r\n\r\n');
  const headers = text.slice(0, split).split(/\r\n(?![ \t])/);
  const relax = (line: string) => {
    const colon = line.indexOf(':');
    const value = line
      .slice(colon + 1)
      .replace(/\r\n/g, '')
      .replace(/[ \t]+/g, ' ')
      .trim();
    return `${line.slice(0, colon).trim().toLowerCase()}:${value}`;
  };
  const signatureLine = headers.find((line) => /^dkim-signature:/i.test(line)) ?? '';
  const tags = new Map(
    signatureLine
      .slice(signatureLine.indexOf(':') + 1)
      .split(';')
      .map((tag) => {
        const [name = '', ...rest] = tag.split('=');
        return [name.trim(), rest.join('=').replace(/\s+/g, '')] as const;
      }),
  );
  const body = text
    .slice(split + 4)
    .split('\r\n')
    .map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''))
    .join('\r\n')
    .replace(/(\r\n)*$/, '\r\n')
    .replace(/^\r\n$/, '');
  const bodyHash = createHash('sha256').update(body, 'latin1').digest('base64');
  const h = (tags.get('h') ?? '').split(':');
  const signed = [
    ...h.flatMap((name) => headers.filter((line) => line.toLowerCase().startsWith(`${name}:`)).slice(-1)),
    signatureLine.replace(/(\bb=)[^;]*$/, '$1'),
  ].map(relax);
  const valid =
    bodyHash === tags.get('bh') &&
    verify(
      'RSA-SHA256',
      Buffer.from(signed.join('\r\n'), 'latin1'),
      publicKey,
      Buffer.from(tags.get('b') ?? '', 'base64'),
    );
  return { valid, d: tags.get('d'), s: tags.get('s'), h };
}
