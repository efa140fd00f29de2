import type { FastifyRequest } from 'fastify';
import { withoutNul } from '../../domain/text.ts';
import type { Client } from '../../pipeline/account-store.ts';

/** Where a request comes from, as it says. */
export const clientOf = ({ headers, ip }: FastifyRequest): Client => ({
  userAgent: withoutNul(headers['user-agent'] ?? ''),
  address: ip,
});
