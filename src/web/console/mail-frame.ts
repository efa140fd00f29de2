import type { FastifyReply } from 'fastify';

/** A mail runs nothing and loads nothing; it may look as its sender wants. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'";

/** Answers with a mail's HTML, for a frame in one of our pages. */
export const sendMailFrame = (reply: FastifyReply, html: string): FastifyReply =>
  reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', POLICY)
    .header('x-frame-options', 'SAMEORIGIN')
    .send(html);
