import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * What a link does: `open` passes everything on; `refused` has nobody listen; `unavailable` answers every request with 503
 * (HTTP only); `held` takes connections and passes nothing on, as a cable that was pulled.
 */
export type LinkState = 'open' | 'refused' | 'unavailable' | 'held';

/** A way to a server that the campaign owns, and can cut. */
export interface Link {
  readonly port: number;
  state(): LinkState;
  set(state: LinkState): Promise<void>;
  /** Requests that were answered with 503. */
  answered(): number;
  close(): Promise<void>;
}

const UNAVAILABLE =
  'HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/**
 * Listens on a free port of 127.0.0.1.
 * @param target port on 127.0.0.1 that everything is passed on to
 * @param passes how a request begins that is passed on also when all others are answered with 503
 * @param onSent told of everything that comes from a client, as it comes
 */
export async function createLink(
  target: number,
  passes = '\0',
  onSent?: (chunk: Buffer) => void,
): Promise<Link> {
  const sockets = new Set<Socket>();
  let state: LinkState = 'open';
  let answered = 0;
  let wake = new AbortController();

  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    keep(client);
    if (state === 'unavailable') return refuse(client);
    if (state !== 'held') return join(client);
    setMaxListeners(0, wake.signal);
    wake.signal.addEventListener('abort', () => join(client), { once: true });
    client.on('error', () => client.destroy());
  });

  function refuse(client: Socket): void {
    client.on('error', () => client.destroy());
    client.once('data', (request: Buffer) => {
      client.pause();
      if (request.toString('latin1').startsWith(passes)) {
        client.unshift(request);
        return join(client);
      }
      answered += 1;
      client.end(UNAVAILABLE);
    });
    client.resume();
  }

  function join(client: Socket): void {
    if (client.destroyed) return;
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    keep(upstream);
    if (onSent) client.on('data', onSent);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      // Nothing passes while the link is held, however much room there is.
      to.on('drain', () => state !== 'held' && from.resume());
      from.once('end', () => to.end());
      // A connection that breaks on one side breaks on the other.
      from.on('error', () => to.resetAndDestroy());
      from.once('close', () => to.destroySoon());
    }
    client.resume();
  }

  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };

  return {
    port,
    state: () => state,
    answered: () => answered,
    async set(next) {
      const before = state;
      state = next;
      if (next === 'refused' && server.listening) server.close();
      if (next === 'refused' || next === 'unavailable') cut();
      if (next !== 'refused' && !server.listening) await listen(port);
      if (next === 'held') for (const socket of sockets) socket.pause();
      if (before !== 'held' || next === 'held') return;
      for (const socket of sockets) socket.resume();
      wake.abort();
      wake = new AbortController();
    },
    async close() {
      cut();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
