import type { AddressInfo } from 'node:net';
import { open } from '../../src/app.ts';
import { loadConfig, type ReadyConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { buildServer } from '../../src/web/server.ts';
import { serveParent } from './processes.ts';

/** Herald's own web server, whose status callback verifies and reads what comes, and writes nothing. */
const config = loadConfig() as ReadyConfig;
const app = await open(config, { log: createLog(config.logLevel, 'bench'), name: 'bench', connections: 1 });
const { callbacks } = app.engine.adapters;
const server = await buildServer({
  ...app,
  receive: {
    ...app.receive,
    async smsStatus(request) {
      const provider = callbacks.find(({ accountSid }) => accountSid === request.params.AccountSid);
      if (!provider?.verify(request)) throw new Error('a signature of the bench is wrong');
      app.ids.decode('delivery', provider.parseStatus(request).deliveryId);
    },
  },
});
await server.listen({ host: '127.0.0.1', port: 0 });
serveParent(
  { url: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}` },
  async () => undefined,
);
