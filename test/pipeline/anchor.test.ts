import { expect } from 'vitest';
import { formatAnchor } from '../../src/domain/audit.ts';
import { anchorDaily } from '../../src/pipeline/anchor.ts';
import type { Messenger } from '../../src/pipeline/message.ts';
import { createAuditStore } from '../../src/storage/audit.ts';
import { stories } from '../support/office.ts';

stories('the daily anchor', (test) => {
  test('is logged and mailed once a day, by Herald itself', async ({ office }) => {
    const audit = createAuditStore(office.pool);
    await office.draft();
    const logged: unknown[] = [];
    const sent: unknown[] = [];
    const log = {
      debug: () => undefined,
      info: (fields: unknown) => void logged.push(fields),
      warn: () => undefined,
      error: (fields: unknown) => void logged.push(fields),
    };
    const messenger: Pick<Messenger, 'send'> = {
      async send(input, actor) {
        const message = input as { readonly to: string };
        if (message.to.startsWith('broken')) throw new Error('no such mailbox');
        sent.push({ message, actor });
        return { announcementId: 1, n: 1 };
      },
    };
    const emails = ['broken@example.org', 'keeper@example.org'];
    const anchor = formatAnchor(await audit.head());
    const run = () => anchorDaily({ audit, messenger, emails, log });

    expect(await run()).toBe(true);
    expect(logged).toEqual([{ anchor }, { err: new Error('no such mailbox') }]);
    expect(sent).toEqual([
      {
        message: expect.objectContaining({ channel: 'email', to: 'keeper@example.org', fields: { anchor } }),
        actor: null,
      },
    ]);
    const [row] = await audit.list({ limit: 1 });
    expect(row).toMatchObject({ act: 'anchor', actor: null, details: { mailed: '1' } });

    expect(await run()).toBe(false);
    await office.pool.query(`BEGIN; SET LOCAL herald.audit_maintenance = 'on';
      UPDATE audit SET at = at - interval '25 hours'; COMMIT`);
    expect(await run()).toBe(true);
    expect(sent).toHaveLength(2);
  });
});
