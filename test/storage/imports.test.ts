import { expect } from 'vitest';
import { ImportStore } from '../../src/storage/imports.ts';
import { stories } from '../support/office.ts';

stories('an import', (test) => {
  test('whose process was killed is failed, with how far it came; one that goes on is left alone', async ({
    office,
  }) => {
    const imports = new ImportStore(office.pool);
    const [killed, alive, done] = [
      await imports.create(office.author.id),
      await imports.create(office.author.id),
      await imports.create(office.author.id),
    ];
    await imports.finish(done);
    await imports.commit(killed, { rows: [], refusals: [], rowsRead: 500 });
    await office.age('imports', 'touched_at', 16 * 60);
    await imports.commit(alive, { rows: [], refusals: [], rowsRead: 10 });
    expect(await imports.failAbandoned()).toBe(1);
    expect(await imports.get(killed)).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('after 500 rows; import it again'),
    });
    expect((await imports.get(alive)).state).toBe('running');
    expect((await imports.get(done)).state).toBe('done');
  });
});
