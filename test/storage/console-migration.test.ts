import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/root.ts';
import { createEmptyDatabase, servers } from '../support/database.ts';

test.each(servers())(
  'the users of $name’s earlier schema stay, with nothing to sign in with',
  async (server) => {
    const { pool, drop } = await createEmptyDatabase(server);
    try {
      const apply = async (file: string) =>
        pool.query(await readFile(join(packageRoot, 'src/storage/migrations', file), 'utf8'));
      for (const file of ['0001-herald.sql', '0002-engine.sql', '0003-audit.sql']) await apply(file);
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
    } finally {
      await drop();
    }
  },
);
