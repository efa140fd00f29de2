import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

const END = Buffer.from('\r\n.\r\n');
const NOTHING = Buffer.alloc(0);

/** Command → reply; what is not here is answered with 250. */
const REPLIES: Readonly<Record<string, string>> = {
  EHLO: '250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n',
  HELO: '250 sink\r\n',
  DATA: '354 go on\r\n',
  QUIT: '221 2.0.0 bye\r\n',
};
const OK = '250 2.0.0 Ok\r\n';

/**
 * Just enough ESMTP (RFC 5321, PIPELINING of RFC 2920) to take mail as fast as it comes.
 * @param later calls back when a mail is to be answered
 * @param took is given each mail, with its dots still stuffed
 */
export async function startSmtpSink(
  later: (answer: () => void) => void,
  took: (mail: Buffer) => void,
): Promise<{ readonly port: number }> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('220 sink ESMTP\r\n');
    converse(socket, later, took);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port };
}

function converse(socket: Socket, later: (answer: () => void) => void, took: (mail: Buffer) => void): void {
  let rest: Buffer = NOTHING;
  let inData = false;
  /** How far `rest` has been searched for the end of a mail. */
  let searched = 0;
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let replies = '';
    for (;;) {
      if (inData) {
        const end = rest.indexOf(END, Math.max(0, searched - END.length));
        searched = rest.length;
        if (end < 0) break;
        took(rest.subarray(0, end + 2));
        rest = rest.subarray(end + END.length);
        searched = 0;
        inData = false;
        later(() => socket.write(OK));
        continue;
      }
      const end = rest.indexOf(10);
      if (end < 0) break;
      const verb = rest.toString('latin1', 0, 4).toUpperCase();
      rest = rest.subarray(end + 1);
      replies += REPLIES[verb] ?? OK;
      inData = verb === 'DATA';
    }
    if (replies !== '') socket.write(replies);
  });
}
