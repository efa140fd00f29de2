import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tellParent } from '../../src/process.ts';
import type { Arrival } from './doorman.ts';

/** What the form of an SMS says of its delivery: the address for its receipts is encoded in it. */
const DELIVERY = /%3Fdelivery%3D([^&%]+)/;

const target = Number(process.argv[2]);
let arrivals: Arrival[] = [];

const server = createServer({ noDelay: true }, (client) => {
  const gateway = connect({ port: target, host: '127.0.0.1', noDelay: true });
  client.on('data', (chunk) => {
    const at = performance.timeOrigin + performance.now();
    const found = DELIVERY.exec(chunk.toString('latin1'))?.[1];
    if (found !== undefined) arrivals.push([found, at]);
  });
  pass(client, gateway);
  pass(gateway, client);
});

function pass(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.once('close', () => to.destroySoon());
}

server.listen(0, '127.0.0.1');
await once(server, 'listening');
tellParent({ port: (server.address() as AddressInfo).port });
process.once('disconnect', () => process.exit());
process.on('message', () => {
  tellParent(arrivals);
  arrivals = [];
});
