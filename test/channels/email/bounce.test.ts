import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBounce } from '../../../src/channels/email/bounce.ts';
import { HeraldError } from '../../../src/domain/errors.ts';

const OPTIONS = {
  bounceAddress: 'bounce@bounces.police.example',
  leaveAddress: 'leave@bounces.police.example',
  messageIdDomain: 'mail.police.example',
};
const ID = 'dlv_00000000000000000000000001';

interface Parts {
  to?: string;
  envelopeId?: string;
  recipient?: string;
  original?: string;
}

/** As Postfix writes it. */
function dsn({
  to = `bounce+${ID}@bounces.police.example`,
  envelopeId = '',
  recipient = '',
  original = '',
}: Parts): Buffer {
  return Buffer.from(
    `From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: ${to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

This is a MIME-encapsulated message.

--B
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
${envelopeId}X-Postfix-Queue-ID: 4F1D
Arrival-Date: Mon, 23 Nov 2026 10:00:00 +0800 (CST)

${recipient || group('failed', '5.1.1', 'smtp; 550 5.1.1 <li@example.org>: no such user')}
--B
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

${original || 'Subject: x'}

--B--
`.replaceAll('\n', '\r\n'),
  );
}

function group(action: string, status: string, diagnostic: string): string {
  return `Final-Recipient: rfc822; li@example.org\nOriginal-Recipient: rfc822;li@example.org\nAction: ${action}\nStatus: ${status}\nDiagnostic-Code: ${diagnostic}\n`;
}

describe('a report of a mail server', () => {
  it.each([
    ['no such user', 'failed', '5.1.1', { receipt: 'undelivered', hard: true }],
    ['no such domain', 'failed', '5.1.2', { receipt: 'undelivered', hard: true }],
    ['mailbox disabled', 'failed', '5.2.1', { receipt: 'undelivered', hard: true }],
    ['mailbox full', 'failed', '5.2.2', { receipt: 'undelivered', hard: false }],
    ['policy', 'failed', '5.7.1', { receipt: 'undelivered', hard: false }],
    ['policy, long code', 'failed', '5.7.26', { receipt: 'undelivered', hard: false }],
    ['gave up after days', 'failed', '4.4.7', { receipt: 'undelivered', hard: false }],
    ['code like that of a full mailbox', 'failed', '5.2.20', { receipt: 'undelivered', hard: true }],
    ['with a comment', 'Failed', '5.1.1 (bad destination mailbox)', { receipt: 'undelivered', hard: true }],
    ['delivered', 'delivered', '2.0.0', { receipt: 'delivered', hard: false }],
  ])('that says %s', async (_, action, status, expected) => {
    const [report, ...more] = await parseBounce(
      dsn({ recipient: group(action, status, 'smtp; 550 no') }),
      OPTIONS,
    );
    expect(report).toMatchObject({
      kind: 'bounce',
      deliveryId: ID,
      action: action.toLowerCase(),
      ...expected,
    });
    expect(more).toEqual([]);
  });

  it.each(['delayed', 'relayed', 'expanded'])('that says %s settles nothing', async (action) => {
    const [report] = await parseBounce(
      dsn({ recipient: group(action, '4.4.1', 'smtp; 451 later') }),
      OPTIONS,
    );
    expect(report).toMatchObject({ action, hard: false });
    expect(report).not.toHaveProperty('receipt');
  });

  it('that keeps the exact code for its diagnostic', async () => {
    const recipient = group('failed', '5.0.0', 'smtp; 552-5.2.2 The mailbox is\n full');
    const [report] = await parseBounce(dsn({ recipient }), OPTIONS);
    expect(report).toMatchObject({
      statusCode: '5.2.2',
      hard: false,
      diagnostic: '552-5.2.2 The mailbox is full',
    });
  });

  it.each<[string, Parts]>([
    ['envelope id', { to: 'postmaster@police.example', envelopeId: `Original-Envelope-Id: ${ID}\n` }],
    ['return path', {}],
    [
      'Message-ID of the mail',
      { to: 'x@police.example', original: `Subject: x\nMessage-ID:\n <${ID}@mail.police.example>` },
    ],
  ])('names the delivery by its %s', async (_, parts) => {
    expect(await parseBounce(dsn(parts), OPTIONS)).toMatchObject([{ deliveryId: ID }]);
  });

  it('believes the envelope more than the headers', async () => {
    const raw = dsn({ to: 'somebody@example.org' });
    const recipients = [`Bounce+${ID}@BOUNCES.police.example`];
    expect(await parseBounce(raw, { ...OPTIONS, recipients })).toMatchObject([{ deliveryId: ID }]);
  });

  it('is read from a stream as well', async () => {
    expect(await parseBounce(Readable.from([dsn({})]), OPTIONS)).toMatchObject([{ deliveryId: ID }]);
  });

  it('about a mail that is not ours is refused', async () => {
    const raw = dsn({ to: 'x@police.example', original: `Message-ID: <${ID}@elsewhere.example>` });
    await expect(parseBounce(raw, OPTIONS)).rejects.toMatchObject({ code: 'mail-report-empty' });
  });
});

describe('a mail to the leave address', () => {
  it('is a request to leave, whatever it says, the case of its token kept', async () => {
    const raw = Buffer.from(
      'From: li@example.org\r\nTo: <leave+AbC_1-x@bounces.police.example>\r\nSubject: 退订\r\n\r\n',
    );
    expect(await parseBounce(raw, OPTIONS)).toEqual([{ kind: 'leave', leaveToken: 'AbC_1-x' }]);
  });

  it('without a token is nothing', async () => {
    const raw = Buffer.from('To: leave@bounces.police.example\r\n\r\nplease');
    await expect(parseBounce(raw, OPTIONS)).rejects.toMatchObject({ code: 'mail-report-empty' });
  });
});

describe('what is no report', () => {
  it.each([
    ['nothing', ''],
    ['a text', 'hello'],
    ['an out-of-office answer', `To: bounce+${ID}@bounces.police.example\r\nSubject: away\r\n\r\nI am away.`],
    ['a report without fields', dsn({ recipient: 'nothing here\n' }).toString()],
    ['an action that does not exist', dsn({ recipient: group('exploded', '5.1.1', 'x') }).toString()],
  ])('%s is refused', async (_, text) => {
    await expect(parseBounce(Buffer.from(text), OPTIONS)).rejects.toMatchObject({
      code: 'mail-report-empty',
    });
  });

  it('more than a megabyte is not read', async () => {
    await expect(parseBounce(Buffer.alloc(1_000_001, 'x'), OPTIONS)).rejects.toMatchObject({
      code: 'mail-report-too-large',
      kind: 'too-large',
    });
    const endless = Readable.from(
      (async function* () {
        for (;;) yield Buffer.alloc(64_000, 'x');
      })(),
    );
    await expect(parseBounce(endless, OPTIONS)).rejects.toMatchObject({ code: 'mail-report-too-large' });
    endless.destroy();
  });

  it('any bytes, and any broken report, end in a report or a HeraldError', async () => {
    const whole = dsn({});
    const broken = fc
      .tuple(fc.nat(whole.length), fc.nat(200), fc.uint8Array({ maxLength: 60 }))
      .map(([at, cut, junk]) => Buffer.concat([whole.subarray(0, at), junk, whole.subarray(at + cut)]));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 500 }).map(Buffer.from), broken), async (raw) => {
        try {
          for (const report of await parseBounce(raw, OPTIONS))
            expect(report.kind).toMatch(/^(bounce|leave)$/);
        } catch (error) {
          expect(error).toBeInstanceOf(HeraldError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
