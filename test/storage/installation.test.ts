import { createHmac } from 'node:crypto';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { openInstallation } from '../../src/storage/installation.ts';
import { ownDatabase } from '../../src/storage/own-database.ts';
import { createPool } from '../../src/storage/pool.ts';
import { createTestDatabase, servers } from '../support/database.ts';

const checkOf = (secret: string) => createHmac('sha256', secret).update('herald').digest();
const ZONE = 'Asia/Shanghai';
const [right, wrong] = [checkOf('right'), checkOf('wrong')];

for (const server of servers()) {
  describe(`an installation, on ${server.name}`, () => {
    const using = (name: string, story: (pool: pg.Pool) => Promise<void>) =>
      test(name, async () => {
        const database = await createTestDatabase(server);
        try {
          await story(database.pool);
        } finally {
          await database.drop();
        }
      });

    using('is the same at every opening, and takes the first secret for its own', async (pool) => {
      const opened = await Promise.all([1, 2, 3].map(() => openInstallation(pool, right, 'trial', ZONE)));
      const [installation] = opened;
      expect(opened).toEqual(Array(3).fill(installation));
      expect(installation?.id).toMatch(/^[0-9a-f]{12}$/);
      expect(installation?.idKey).toHaveLength(16);
      await expect(openInstallation(pool, wrong, 'trial', ZONE)).rejects.toMatchObject({
        kind: 'conflict',
        code: 'wrong-secret',
      });
    });

    using('that has been live is not opened for trial', async (pool) => {
      await openInstallation(pool, right, 'trial', ZONE);
      const { id } = await openInstallation(pool, right, 'live', ZONE);
      await expect(openInstallation(pool, right, 'trial', ZONE)).rejects.toMatchObject({
        kind: 'conflict',
        code: 'has-been-live',
      });
      expect((await openInstallation(pool, right, 'live', ZONE)).id).toBe(id);
    });

    using('is not made live by somebody with the wrong secret', async (pool) => {
      await openInstallation(pool, right, 'trial', ZONE);
      await expect(openInstallation(pool, wrong, 'live', ZONE)).rejects.toMatchObject({
        code: 'wrong-secret',
      });
      await expect(openInstallation(pool, right, 'trial', ZONE)).resolves.toBeDefined();
    });

    using('that is not there is said so', async (pool) => {
      await pool.query('DELETE FROM installation');
      await expect(openInstallation(pool, right, 'trial', ZONE)).rejects.toMatchObject({
        code: 'no-installation',
      });
    });

    test('a database of one’s own is made beside it, and gone afterwards', async () => {
      const own = await ownDatabase(server.url, 'herald_demo');
      const options = { connectionString: own.connectionString, max: 1, applicationName: 'test' };
      const pool = createPool(options);
      const { rows } = await pool.query(
        'SELECT current_database() AS name, getdatabaseencoding() AS encoding',
      );
      expect(rows).toEqual([{ name: expect.stringMatching(/^herald_demo_[0-9a-f]{10}$/), encoding: 'UTF8' }]);
      await pool.end();
      // Whoever is still connected does not keep it.
      const guest = new pg.Client({ connectionString: own.connectionString });
      guest.on('error', () => undefined);
      await guest.connect();
      const ended = new Promise<void>((resolve) => guest.on('end', () => resolve()));
      await own.drop();
      await ended;
      const after = createPool(options);
      await expect(after.query('SELECT 1')).rejects.toMatchObject({ code: '3D000' });
      await after.end();
    });
  });
}
