import type { FailureCategory, SendOutcome } from '../../domain/outcome.ts';
import { type Call, NoAnswerError } from '../exchange.ts';
import { twilioCode, twilioStatus } from './twilio-codes.ts';

/** A refusal that no table knows. */
export interface UnlistedCode {
  /** Twilio's code, when it gave one. */
  readonly code: number | undefined;
  readonly status: number;
  readonly message: string;
}

type Failure = Exclude<SendOutcome, { outcome: 'accepted' }>;

/**
 * What a failed `messages.create` means. Three questions in this order: did an answer come, may the request
 * have been written, and who ended it.
 */
export function failureOf(
  error: unknown,
  call: Call,
  address: string,
  onUnlistedCode: (unlisted: UnlistedCode) => void,
): Failure {
  // Twilio's messages quote the number; outcomes hold no personal data.
  const message = textOf(error).replaceAll(address, 'the number');
  if (call.answer && call.answer.status >= 300) {
    return refusal(call.answer, codeOf(error), message, onUnlistedCode);
  }
  const code = error instanceof NoAnswerError ? error.code : 'UNREADABLE';
  // Also an answer of success that cannot be read: the message was taken, only its sid is not known.
  if (call.written) return { outcome: 'unknown', code, message };
  // No byte left: whatever keeps us from Twilio, it is not this message, and no outage may use up its tries.
  return { outcome: 'refused', category: 'throttled', code, message };
}

function refusal(
  answer: NonNullable<Call['answer']>,
  code: number | undefined,
  message: string,
  onUnlistedCode: (unlisted: UnlistedCode) => void,
): Failure {
  const { status } = answer;
  const shown = code === undefined ? `HTTP ${status}` : String(code);
  const listed = code === undefined ? undefined : twilioCode(code)?.category;
  const meaning = listed ?? twilioStatus(status);
  if (meaning === 'unknown-outcome') return { outcome: 'unknown', code: shown, message };
  if (meaning === undefined) onUnlistedCode({ code, status, message });
  const category: FailureCategory = meaning ?? 'temporary';
  const retryAfterMs = retryAfter(answer.headers);
  return {
    outcome: 'refused',
    category,
    code: shown,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** `Retry-After` (RFC 9110 § 10.2.3) in milliseconds: seconds, or a date compared with the answer's own `Date`. */
function retryAfter(headers: NonNullable<Call['answer']>['headers']): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const until = Date.parse(value);
  const sent = typeof headers.date === 'string' ? Date.parse(headers.date) : Number.NaN;
  if (Number.isNaN(until)) return undefined;
  return Math.max(0, until - (Number.isNaN(sent) ? Date.now() : sent));
}

/** Twilio's code from the SDK's error (RestException, or the RFC 9457 form of newer APIs). */
function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'number' && error.code > 0 ? error.code : undefined;
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text || 'no message').slice(0, 500);
}
