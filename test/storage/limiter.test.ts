import { createPostgresLimiter } from '../../src/storage/limiter.ts';
import { createPool } from '../../src/storage/pool.ts';
import { describeLimiter } from '../conformance/limiter.ts';
import { createTestDatabase, servers } from '../support/database.ts';

for (const server of servers()) {
  describeLimiter(server.name, async () => {
    const database = await createTestDatabase(server);
    const pool = createPool({
      connectionString: database.connectionString,
      max: 8,
      applicationName: 'herald-test-limiter',
    });
    return {
      limiter: () => createPostgresLimiter(pool),
      async dispose() {
        await pool.end();
        await database.drop();
      },
    };
  });
}
