import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/root.ts';
import { createEmptyDatabase, servers } from '../support/database.ts';

const ENGINE = ['0001-herald.sql', '0002-engine.sql', '0003-audit.sql'];

/** A database whose schema is as it was then. */
async function earlier(
  server: ReturnType<typeof servers>[number],
  files: readonly string[],
  act: (pool: pg.Pool, apply: (file: string) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const { pool, drop } = await createEmptyDatabase(server);
  const apply = async (file: string) =>
    pool.query(await readFile(join(packageRoot, 'src/storage/migrations', file), 'utf8'));
  try {
    for (const file of files) await apply(file);
    await act(pool, apply);
  } finally {
    await drop();
  }
}

describe.each(servers())('what is in the earlier schema of $name', (server) => {
  test('its users stay, with nothing to sign in with', () =>
    earlier(server, ENGINE, async (pool, apply) => {
      await pool.query(`INSERT INTO users (name, role) VALUES ('王芳', 'admin'), ('李静', 'author')`);
      await apply('0004-console.sql');
      const { rows } = await pool.query(
        'SELECT name, login, password_hash, totp_sealed FROM users ORDER BY id',
      );
      expect(rows).toEqual([
        { name: '王芳', login: null, password_hash: null, totp_sealed: null },
        { name: '李静', login: null, password_hash: null, totp_sealed: null },
      ]);
      await pool.query(`UPDATE users SET login = 'Wang' WHERE name = '王芳'`);
      await expect(pool.query(`UPDATE users SET login = 'wang' WHERE name = '李静'`)).rejects.toThrow(
        'users_login',
      );
    }));

  test('its deliveries stay, one an address, and can be claimed more than 32,767 times', () =>
    earlier(server, [...ENGINE, '0004-console.sql'], async (pool, apply) => {
      const add = (n: number) =>
        pool.query(
          `INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale, attempt)
           VALUES (7, $1, 'webhook', 3, '3', 'en', 32767)`,
          [n],
        );
      await add(1);
      await expect(pool.query('UPDATE deliveries SET attempt = attempt + 1')).rejects.toThrow('smallint');
      await apply('0005-keys.sql');
      await pool.query('UPDATE deliveries SET attempt = attempt + 1');
      const { rows } = await pool.query('SELECT n, channel, address_key, attempt FROM deliveries');
      expect(rows).toEqual([{ n: 1, channel: 'webhook', address_key: '3', attempt: 32_768 }]);
      await expect(add(2)).rejects.toThrow('deliveries_channel_announcement_id_address_key_key');
    }));
});
