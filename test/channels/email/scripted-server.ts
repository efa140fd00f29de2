import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

/** Where in an SMTP session something happens. */
export type Moment = 'greeting' | 'ehlo' | 'auth' | 'mail' | 'rcpt' | 'data' | 'first-bytes' | 'dot';

export interface ScriptedServer {
  readonly url: string;
  /** Messages that came as far as their final dot. */
  readonly dots: () => number;
  /** Connections so far, and those that are open. */
  readonly connections: () => { readonly seen: number; readonly open: number };
  /** Changes what it does from now on. */
  script(script: Script): void;
  /** Ends the connections that are idle, as servers do after a while. */
  dropAll(): void;
  close(): Promise<void>;
}

/** `die`: cut the connection; `hang`: say nothing more; anything else is the reply. Usual replies otherwise. */
export type Script = Partial<Record<Moment, 'die' | 'hang' | (string & {})>>;

const USUAL: Readonly<Record<Moment, string>> = {
  greeting: '220 scripted',
  ehlo: '250-scripted\r\n250 AUTH PLAIN',
  auth: '235 2.7.0 ok',
  mail: '250 2.1.0 ok',
  rcpt: '250 2.1.5 ok',
  data: '354 go on',
  'first-bytes': '',
  dot: '250 2.0.0 ok',
};

/** A mail server that does one thing wrong at one moment, byte for byte as told. */
export async function startScriptedServer(initial: Script): Promise<ScriptedServer> {
  let script = initial;
  let dots = 0;
  let seen = 0;
  const open = new Set<Socket>();

  const server = createServer((socket) => {
    seen++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    let buffered = '';
    let inData = false;

    /** @returns false when the session is over */
    const say = (moment: Moment): boolean => {
      const line = script[moment] ?? USUAL[moment];
      if (line === 'die') socket.destroy();
      else if (line === 'hang') socket.removeAllListeners('data').pause();
      else if (line !== '') socket.write(`${line}\r\n`);
      return line !== 'die' && line !== 'hang';
    };

    const onLine = (line: string): boolean => {
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'EHLO' || verb === 'HELO') return say('ehlo');
      if (verb === 'AUTH') return say('auth');
      if (verb === 'MAIL') return say('mail');
      if (verb === 'RCPT') return say('rcpt');
      if (verb === 'DATA') {
        inData = (script.data ?? USUAL.data).startsWith('354');
        return say('data');
      }
      socket.write(verb === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
      return true;
    };

    socket.on('data', (chunk) => {
      buffered += chunk.toString('latin1');
      for (;;) {
        if (inData) {
          if (script['first-bytes'] !== undefined && !say('first-bytes')) return;
          const end = buffered.indexOf('\r\n.\r\n');
          if (end < 0) return;
          buffered = buffered.slice(end + 5);
          inData = false;
          dots++;
          if (!say('dot')) return;
        } else {
          const end = buffered.indexOf('\r\n');
          if (end < 0) return;
          const line = buffered.slice(0, end);
          buffered = buffered.slice(end + 2);
          if (!onLine(line)) return;
        }
      }
    });
    say('greeting');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `smtp://user:secret@127.0.0.1:${port}`,
    dots: () => dots,
    connections: () => ({ seen, open: open.size }),
    script: (next) => {
      script = next;
    },
    dropAll: () => {
      for (const socket of open) socket.end();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
