import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveParent } from './processes.ts';
import type { Kind, Sample, SinkOrder, SinkReport } from './sinks.ts';
import { startSmtpSink } from './smtp-sink.ts';

/** The gateways' process: as little work for a message as its protocol allows, so that the client is what is measured. */

let latencyMs = 0;
let waiting = 0;
const fresh = () => ({
  counts: { sms: 0, email: 0, webhook: 0 } as Record<Kind, number>,
  firstAt: {} as Partial<Record<Kind, number>>,
  mostWaiting: 0,
});
let seen = fresh();
const samples: Partial<Record<Kind, Sample>> = {};

function took(kind: Kind, sample: Sample): void {
  seen.counts[kind] += 1;
  seen.firstAt[kind] ??= Date.now();
  samples[kind] = sample;
}

/** Answers when the latency is over. */
function later(answer: () => void): void {
  if (latencyMs === 0) {
    answer();
    return;
  }
  waiting += 1;
  seen.mostWaiting = Math.max(seen.mostWaiting, waiting);
  setTimeout(() => {
    waiting -= 1;
    answer();
  }, latencyMs);
}

let sids = 0;
/** The fields of a message that Twilio answers with. */
function twilioMessage(account: string): string {
  sids += 1;
  const sid = `SM${sids.toString(16).padStart(32, '0')}`;
  const at = 'Tue, 01 Dec 2026 08:00:00 +0000';
  return `{"sid":"${sid}","account_sid":"${account}","messaging_service_sid":null,"api_version":"2010-04-01","body":"","from":"+12025550100","to":"+12025550101","status":"queued","direction":"outbound-api","num_segments":"1","num_media":"0","price":null,"price_unit":"USD","error_code":null,"error_message":null,"date_created":"${at}","date_updated":"${at}","date_sent":null,"uri":"/2010-04-01/Accounts/${account}/Messages/${sid}.json","subresource_uris":{}}`;
}

function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const { url: path = '/' } = request;
  const sample = { path, headers: request.headers as Record<string, string>, body };
  const account = /^\/2010-04-01\/Accounts\/(AC\w+)\/Messages\.json$/.exec(path)?.[1];
  if (path.startsWith('/hooks/')) {
    took('webhook', sample);
    later(() => response.writeHead(204).end());
  } else if (account && request.method === 'POST') {
    took('sms', sample);
    const json = twilioMessage(account);
    const headers = { 'content-type': 'application/json', 'content-length': json.length };
    later(() => response.writeHead(201, headers).end(json));
  } else if (path === '/') {
    const { port } = http.address() as AddressInfo;
    const gateways = { twilio: `http://127.0.0.1:${port}`, smtp: `smtp://127.0.0.1:${smtp.port}` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ gateways }));
  } else response.writeHead(404).end();
}

const http = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () =>
    answer(request, response, chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
  );
});
http.keepAliveTimeout = 60_000;
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const smtp = await startSmtpSink(later, (body) => took('email', { path: '', headers: {}, body }));

serveParent<SinkOrder>(
  { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, smtpPort: smtp.port },
  async (order): Promise<SinkReport | undefined> => {
    switch (order.do) {
      case 'configure':
        latencyMs = order.latencyMs;
        return undefined;
      case 'reset':
        seen = fresh();
        return undefined;
      case 'report':
        return { ...seen, samples };
    }
  },
);
