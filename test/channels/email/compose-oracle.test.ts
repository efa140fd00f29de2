import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import { expect, it } from 'vitest';
import { createComposer, parseFrom } from '../../../src/channels/email/compose.ts';
import type { OutgoingEmail } from '../../../src/pipeline/ports.ts';
import { IDENTITY, outgoingEmail } from './message.ts';

/** SMTP clients make a lone CR a line's end on the way (RFC 5321 2.3.8), the composer before it signs. */
const lineEnds = (text: string) => text.replace(/\r(?!\n)/g, '\n');

/** The same parts, composed by the library. */
async function composedByLibrary(message: OutgoingEmail, identity: Identity): Promise<Buffer> {
  const messageId = (id: string) => `<${id}@${identity.messageIdDomain}>`;
  const references = [...message.supersededIds, message.announcementId].map(messageId);
  const inReplyTo = references.at(-2);
  const token = message.leaveUrl?.split('/').at(-1);
  const byMail = identity.oneClickMail?.replace('@', `+${token}@`);
  const targets = [`<${message.leaveUrl}>`, ...(byMail ? [`<mailto:${byMail}?subject=leave>`] : [])];
  const composer = new MailComposer({
    from: parseFrom(identity.from),
    to: { name: '', address: message.address },
    subject: message.content.subject,
    messageId: messageId(message.deliveryId),
    references,
    ...(inReplyTo !== undefined && { inReplyTo }),
    text: lineEnds(message.content.text),
    html: lineEnds(message.content.html),
    headers: {
      ...(message.leaveUrl !== null && {
        'List-Id': `<${identity.listId}>`,
        'List-Unsubscribe': targets.join(', '),
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      }),
      'Auto-Submitted': 'auto-generated',
      'Content-Language': message.content.locale,
    },
    newline: 'win',
  });
  return composer.compile().build();
}

/** What a reader gets: every field but the transport's own choices (boundary, encoding) and the second of writing. */
async function parsed(raw: Buffer): Promise<object> {
  const mail = await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true });
  const fields = Object.fromEntries(mail.headers);
  const type = mail.headers.get('content-type');
  const { date, 'content-transfer-encoding': _, ...others } = fields;
  return {
    ...others,
    dated: date instanceof Date,
    'content-type': type && typeof type === 'object' && 'value' in type ? type.value : type,
    text: ended(mail.text, mail.html),
    html: ended(mail.html, mail.text),
    attachments: mail.attachments,
  };
}

/** A text without its other form is the message's end, where the library adds a line's end in one encoding only. */
const ended = (body: string | false | undefined, other: string | false | undefined) =>
  other ? body : (body || '').replace(/\n$/, '');

type Identity = Parameters<typeof createComposer>[0];

const CHUNKS = [
  '请知情者与我们联系。',
  '滨江路，1号',
  '😀👮‍♀️',
  '\ud83d',
  'Café ñandú',
  'plain words',
  '.',
  '..',
  'From here',
  '=',
  '=3D=\n',
  '=_',
  '--=_dlv',
  '--',
  ' ',
  '  ',
  '\t',
  ' \n',
  '\t\r\n',
  '\n',
  '\n.\n',
  '\n\n',
  '\r\n',
  '\r',
  '\r.\r',
  '\n\r',
  '\0',
  '\x7f',
  '\u00a0',
  '\u2028',
  '\ufeff',
  'x'.repeat(76),
  'x'.repeat(77),
  'y'.repeat(2_000),
  '长'.repeat(500),
  '<p class="a">&amp;</p>',
];
const pieces = fc.array(fc.oneof(fc.constantFrom(...CHUNKS), fc.string({ unit: 'grapheme' })), {
  maxLength: 30,
});
const body = fc.oneof(
  { weight: 8, arbitrary: pieces.map((chunks) => chunks.join('')) },
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 400 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 400 }) },
  {
    weight: 1,
    arbitrary: pieces
      .filter((chunks) => chunks.join('') !== '')
      .map((chunks) => chunks.join('').repeat(Math.ceil(20_000 / chunks.join('').length))),
  },
  { weight: 1, arbitrary: fc.constant('') },
);
const subject = fc
  .oneof(
    pieces.map((chunks) => chunks.join('')),
    fc.string({ unit: 'grapheme' }),
    fc.constant(''),
    fc.constant('=?utf-8?Q?a?='),
  )
  .map((text) => text.replace(/[\r\n\0]/g, '').replace(/y{200,}/g, 'y'.repeat(200)));
const address = fc.oneof(
  fc.constantFrom(
    'citizen@example.org',
    'Mixed.Case@Example.ORG',
    'a@1.2',
    'a@mail.0x7f',
    'a..b@example.org',
    '.a@example.org',
    'li.wei@滨江.example',
    'li.wei@xn--9swz7c.example',
    'li.wei@xn--a.example',
    '李伟@滨江.example',
    "o'neill+x{y}@a-b.example",
    'x@localhost',
    `${'l'.repeat(60)}@example.org`,
    `${'l'.repeat(64)}@${'d'.repeat(60)}.example`,
  ),
  fc.emailAddress(),
);
const id = fc.stringMatching(/^[a-z]{3}_[\w-]{1,26}$/);
/** What a template makes of a name or a link, and what no name should be. */
const personal = fc.oneof(
  fc.constantFrom(
    '',
    '王芳',
    'Citizen 12',
    'https://notices.police.example/u/abc_-',
    'a\nb',
    '\r',
    '\ude00',
    '=',
  ),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
);
/** A text, and where it is personal. */
const inPieces = fc
  .array(fc.tuple(personal, body), { maxLength: 2 })
  .chain((rest) => fc.tuple(body, fc.constant(rest)))
  .map(([first, rest]) => ({
    whole: first + rest.flat().join(''),
    pieces: { fixed: [first, ...rest.map(([, piece]) => piece)], personal: rest.map(([value]) => value) },
  }));
const content = fc
  .record({
    subject,
    text: inPieces,
    html: inPieces,
    locale: fc.constantFrom('zh-CN', 'en', 'ug-Arab-CN'),
    known: fc.boolean(),
  })
  .map(({ text, html, known, ...others }) => ({
    ...others,
    channel: 'email' as const,
    text: text.whole,
    html: html.whole,
    ...(known && { pieces: { text: text.pieces, html: html.pieces } }),
  }));
const message: fc.Arbitrary<OutgoingEmail> = fc
  .record({
    deliveryId: id,
    address,
    announcementId: id,
    supersededIds: fc.array(id, { maxLength: 4 }),
    leaveUrl: fc.option(
      fc.stringMatching(/^[\w-]{8,40}$/).map((token) => `https://notices.police.example/u/${token}`),
    ),
    content,
  })
  .filter(({ leaveUrl, address: to }) => (leaveUrl ?? '').length < 60 && /^[^\s"'(),:;<>@[\\\]]+@/.test(to))
  .map((changes) => outgoingEmail(changes));

it('is the message that nodemailer composes of the same parts', async () => {
  const identity = fc.record(
    {
      from: fc.constantFrom(
        '滨江公安 <notice@police.example>',
        'a@Example.org',
        '"O\'Neill, \\"P\\" 😀" <a@b.example>',
      ),
      messageIdDomain: fc.constantFrom('mail.police.example', `${'m'.repeat(60)}.example`),
      listId: fc.constantFrom('notices.police.example', `${'l'.repeat(60)}.${'i'.repeat(60)}.example`),
      oneClickMail: fc.constant('leave@bounces.police.example'),
    },
    { requiredKeys: ['from', 'messageIdDomain', 'listId'] },
  );
  await fc.assert(
    fc.asyncProperty(identity, message, async (who, mail) => {
      const { raw } = await createComposer(who)(mail);
      expect(await parsed(raw)).toEqual(await parsed(await composedByLibrary(mail, who)));
    }),
    { numRuns: 250 },
  );
});

it('what is fixed is written once for all mails, and each is the mail that it would be alone', async () => {
  const compose = createComposer(IDENTITY);
  await fc.assert(
    fc.asyncProperty(
      fc.array(body, { minLength: 2, maxLength: 3 }),
      fc.array(fc.array(personal, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      async (fixed, readers) => {
        for (const values of readers) {
          const own = values.slice(0, fixed.length - 1);
          const whole = fixed.map((piece, i) => piece + (own[i] ?? '')).join('');
          const its = { fixed, personal: own };
          const mail = outgoingEmail();
          const alone = { ...mail.content, text: whole, html: whole };
          const pieces = { text: its, html: its };
          const raws = [
            await compose({ ...mail, content: { ...alone, pieces } }),
            await compose({ ...mail, content: alone }),
          ];
          const [one, other] = await Promise.all(raws.map(({ raw }) => parsed(raw)));
          expect(one).toEqual(other);
        }
      },
    ),
    { numRuns: 100 },
  );
});

it('travels as it is: lines of ASCII that end with CRLF and are no longer than a server takes', async () => {
  const compose = createComposer(IDENTITY);
  await fc.assert(
    fc.asyncProperty(message, async (mail) => {
      const { raw } = await compose(mail);
      const split = raw.indexOf('\r\n\r\n');
      const [head, ...bodyLines] = [
        raw.subarray(0, split),
        ...raw
          .subarray(split + 4)
          .toString('latin1')
          .split('\r\n'),
      ];
      expect(
        head
          .toString()
          .split('\r\n')
          .filter((line) => line.length > 998 || /[\r\n]/.test(line)),
      ).toEqual([]);
      expect(bodyLines.filter((line) => line.length > 76 || !/^[\t\x20-\x7e]*$/.test(line))).toEqual([]);
      expect(bodyLines.at(-1)).toBe('');
    }),
  );
});

it('has a boundary that no text can hold, even one that was written to', async () => {
  const mail = outgoingEmail();
  const boundary = `--=_${mail.deliveryId}`;
  const text = `before\n${boundary}--\nafter\n`;
  const { raw } = await createComposer(IDENTITY)({ ...mail, content: { ...mail.content, text, html: text } });
  expect(
    raw
      .toString()
      .split('\r\n')
      .filter((line) => line.startsWith(boundary)),
  ).toHaveLength(3);
  expect(await simpleParser(raw)).toMatchObject({ text, html: text });
});
