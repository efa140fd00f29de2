import type { IncomingMessage, ServerResponse } from 'node:http';
import { CHANNELS, type Channel } from '../domain/channel.ts';
import { answer, answerJson } from './http.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { readMail } from './smtp.ts';

const PAGE_SIZE = 100;

/**
 * `GET /outbox` (`?channel=&address=&deliveryId=&cursor=`, newest last, in pages) and `GET /outbox/:id`: what the gateways
 * took, as JSON, or as a page for people when the client accepts HTML.
 */
export async function answerOutbox(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  ledger: Ledger,
): Promise<void> {
  const html = request.headers.accept?.includes('text/html') ?? false;
  const id = url.pathname.slice('/outbox'.length).replace(/^\//, '');
  if (id !== '') {
    const entry = ledger.get(id);
    if (!entry) return answerJson(response, 404, { error: `there is no message ${id} in the outbox` });
    // A mail is kept as it came; by itself it is shown as its reader would see it.
    const readable = entry.channel === 'email' ? await readMail(entry.body) : undefined;
    if (!html) return answerJson(response, 200, { ...entry, ...readable });
    return answerHtml(response, `<p><a href="/outbox">outbox</a></p>${show(entry, readable?.text)}`);
  }
  const wanted = url.searchParams.get('channel');
  const channel = CHANNELS.find((one) => one === wanted);
  if (wanted && !channel) {
    answerJson(response, 400, {
      error: `there is no channel ${wanted}; it is one of ${CHANNELS.join(', ')}`,
    });
    return;
  }
  const address = url.searchParams.get('address');
  const deliveryId = url.searchParams.get('deliveryId');
  const after = Number.parseInt(url.searchParams.get('cursor') ?? '0', 10) || 0;
  const found = ledger.list({
    ...(channel ? { channel } : {}),
    ...(address ? { address } : {}),
    ...(deliveryId ? { deliveryId } : {}),
    after,
    limit: PAGE_SIZE + 1,
  });
  const entries = found.slice(0, PAGE_SIZE);
  const next = found.length > PAGE_SIZE ? (entries.at(-1)?.seq ?? null) : null;
  if (html) answerHtml(response, list(entries, ledger.counts(), url, next));
  else answerJson(response, 200, { entries, next });
}

function list(
  entries: readonly LedgerEntry[],
  counts: Readonly<Record<Channel, number>>,
  url: URL,
  next: number | null,
): string {
  const totals = CHANNELS.map(
    (channel) => `<a href="/outbox?channel=${channel}">${channel} ${counts[channel]}</a>`,
  );
  const more = new URLSearchParams(url.searchParams);
  more.set('cursor', String(next));
  return [
    `<h1>Sandbox outbox</h1><p>Nothing here was sent to anybody. ${totals.join(' · ')}</p>`,
    entries.length === 0 ? '<p>No messages.</p>' : entries.map((entry) => show(entry)).join(''),
    next === null ? '' : `<p><a href="/outbox?${escapeHtml(more.toString())}">next ${PAGE_SIZE}</a></p>`,
  ].join('');
}

function show(entry: LedgerEntry, readable?: string): string {
  const { id, channel, address, takenAt, outcome, subject, body } = entry;
  const head = `${takenAt.toISOString()} · ${channel} · <a href="/outbox/${id}">${escapeHtml(address)}</a> · ${escapeHtml(outcome)}`;
  return `<article><p>${head}</p>${subject ? `<h2>${escapeHtml(subject)}</h2>` : ''}<pre>${escapeHtml(readable ?? body)}</pre></article>`;
}

function answerHtml(response: ServerResponse, body: string): void {
  const style = 'body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto}pre{white-space:pre-wrap}';
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox outbox</title><style>${style}</style><body>${body}</body></html>`;
  answer(response, 200, 'text/html; charset=utf-8', page, {
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  });
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? char);
}
