import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createResolve } from '../../../src/channels/webhook/resolve.ts';

/** Answers questions for A with 192.0.2.7, those for AAAA with nothing, and names that start with "silent" never. */
let server: Socket;
let asked: string[];
let servers: string[];
let folder: string;
let hostsFile: string;

beforeEach(async () => {
  asked = [];
  server = createSocket('udp4');
  server.on('message', (query, { port, address }) => {
    const { name, end } = readName(query);
    asked.push(name);
    if (name.startsWith('silent')) return;
    const isA = query.readUInt16BE(end) === 1;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180, 2); // a response without an error, by a server that recurses
    header.writeUInt16BE(isA ? 1 : 0, 6);
    header.writeUInt32BE(0, 8);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    const question = query.subarray(12, end + 4);
    server.send(Buffer.concat([header, question, ...(isA ? [answer] : [])]), port, address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  servers = [`127.0.0.1:${server.address().port}`];
  folder = await mkdtemp(join(tmpdir(), 'herald-hosts-'));
  hostsFile = join(folder, 'hosts');
  await writeFile(
    hostsFile,
    '127.0.0.1 localhost\n::1 localhost\n10.1.2.3\tOutlet.intern outlet # newsroom\n',
  );
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

/** RFC 1035, 4.1.2: labels, each after its length. @returns where the question's type stands */
function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

describe('names of outlets', () => {
  it('the hosts file goes first, as with the system’s resolver', async () => {
    const resolve = createResolve({ hostsFile, servers });
    expect(await resolve('localhost')).toEqual([
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
    expect(await resolve('outlet.intern')).toEqual([{ address: '10.1.2.3', family: 4 }]);
    expect(await resolve('OUTLET')).toEqual([{ address: '10.1.2.3', family: 4 }]);
    expect(asked).toEqual([]);
  });

  it('then DNS', async () => {
    const resolve = createResolve({ hostsFile: join(folder, 'none'), servers });
    expect(await resolve('daily.example')).toEqual([{ address: '192.0.2.7', family: 4 }]);
    expect(asked).toEqual(['daily.example', 'daily.example']);
  });

  it('many that no server answers hold up neither others nor the process’s own threads, and end', async () => {
    const resolve = createResolve({ hostsFile, servers, timeoutMs: 700 });
    const ended: string[] = [];
    const silent = Array.from({ length: 8 }, (_, n) =>
      resolve(`silent-${n}.example`).catch((error: NodeJS.ErrnoException) => {
        ended.push(error.code ?? '');
      }),
    );
    expect(await resolve('daily.example')).toHaveLength(1);
    expect(await lookup('localhost')).toBeDefined();
    expect(ended).toEqual([]);
    await Promise.all(silent);
    expect(ended).toEqual(Array(8).fill('ETIMEOUT'));
  });
});
