import { randomUUID } from 'node:crypto';
import type { Told } from './ledger.ts';
import type { MagicEffect } from './magic.ts';
import { type CallbackFaults, type Callbacks, inShare } from './twilio-callbacks.ts';
import type { Message } from './twilio-messages.ts';

/** What governs a message's life; read anew at each step, so that it can be changed at runtime. */
export interface LifeSettings {
  /** Time before each change of a message's status, in milliseconds. */
  readonly receiptDelayMs: number;
  /** Where messages of citizens are posted; empty: nowhere. */
  readonly inboundUrl: string;
  readonly callbackFaults: CallbackFaults;
}

/** The number from which a Messaging Service of the sandbox sends, and to which citizens answer. */
export const POOL_NUMBER = '+15005550006';

interface Step {
  readonly status: string;
  readonly code?: number;
}

/** What becomes of messages after the API took them: their statuses, the callbacks, the citizens' answers. */
export class Lives {
  readonly #accountSid: string;
  readonly #callbacks: Callbacks;
  readonly #settings: () => LifeSettings;
  #outstanding = 0;
  #waiting: (() => void)[] = [];

  constructor(accountSid: string, callbacks: Callbacks, settings: () => LifeSettings) {
    this.#accountSid = accountSid;
    this.#callbacks = callbacks;
    this.#settings = settings;
  }

  /**
   * Lets a message live from `delayMs` on; {@link idle} waits for its end.
   * @param tell called with the furthest status that was told, each time that it changes
   */
  start(
    message: Message,
    effect: MagicEffect | undefined,
    delayMs: number,
    tell: (told: Told) => void = () => undefined,
  ): void {
    void this.#track(this.#live(message, effect, delayMs, tell));
  }

  /** Posts a citizen's message to the office, when there is an `inboundUrl`. Resolves when it was answered. */
  async inbound(from: string, body: string): Promise<void> {
    await this.#track(this.#postInbound(from, body));
  }

  /** Resolves when no callback is due or under way. */
  async idle(): Promise<void> {
    if (this.#outstanding > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #live(
    message: Message,
    effect: MagicEffect | undefined,
    delayMs: number,
    tell: (told: Told) => void,
  ): Promise<void> {
    await this.#callbacks.pause(delayMs);
    const { duplicateShare, reorderShare, seed } = this.#settings().callbackFaults;
    const times = inShare(duplicateShare, seed, 'duplicate', message.to) ? 2 : 1;
    const lastFirst = inShare(reorderShare, seed, 'reorder', message.to);
    const steps = stepsOf(message, effect);
    const silent = effect?.kind === 'silent';
    let furthest = -1;
    const report = async (step: Step) => {
      const answer = await this.#report(message, step, times);
      if (answer === undefined || steps.indexOf(step) <= furthest) return;
      furthest = steps.indexOf(step);
      tell({ status: step.status, ...(step.code !== undefined && { code: String(step.code) }), answer });
    };
    for (const step of steps) {
      await this.#callbacks.pause(this.#settings().receiptDelayMs);
      take(message, step);
      if (!silent && !lastFirst) await report(step);
    }
    if (!silent && lastFirst) for (const step of steps.toReversed()) await report(step);
    if (effect?.kind === 'answer') await this.#postInbound(message.to, effect.body);
  }

  /** @returns the answer of the last time; undefined when there is nobody to tell */
  async #report(message: Message, step: Step, times: number): Promise<number | null | undefined> {
    const { sid, to, statusCallback, messagingServiceSid } = message;
    if (statusCallback === null) return undefined;
    let answer: number | null | undefined;
    const ended = step.status === 'delivered' || step.status === 'undelivered';
    for (let i = 0; i < times; i++) {
      answer = await this.#callbacks.post(statusCallback, {
        SmsSid: sid,
        SmsStatus: step.status,
        MessageStatus: step.status,
        MessageSid: sid,
        To: to,
        From: message.from ?? POOL_NUMBER,
        AccountSid: this.#accountSid,
        ApiVersion: '2010-04-01',
        ...(messagingServiceSid === null ? {} : { MessagingServiceSid: messagingServiceSid }),
        ...(step.code === undefined ? {} : { ErrorCode: String(step.code) }),
        ...(ended ? { RawDlrDoneDate: message.updatedAt.toISOString().replace(/\D/g, '').slice(2, 12) } : {}),
      });
    }
    return answer;
  }

  async #postInbound(from: string, body: string): Promise<void> {
    const { inboundUrl } = this.#settings();
    if (inboundUrl === '') return;
    const sid = `SM${randomUUID().replaceAll('-', '')}`;
    await this.#callbacks.post(inboundUrl, {
      ToCountry: 'US',
      SmsMessageSid: sid,
      NumMedia: '0',
      SmsSid: sid,
      SmsStatus: 'received',
      Body: body,
      To: POOL_NUMBER,
      NumSegments: '1',
      MessageSid: sid,
      AccountSid: this.#accountSid,
      From: from,
      ApiVersion: '2010-04-01',
    });
  }

  async #track(life: Promise<void>): Promise<void> {
    this.#outstanding++;
    try {
      await life;
    } catch (error) {
      // Only closing ends a life before its time; anything else is a fault of the sandbox and must be seen.
      if (!this.#callbacks.closed) throw error;
    } finally {
      this.#outstanding--;
      if (this.#outstanding === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }
}

/** The statuses after the first one, which gets no callback. */
function stepsOf(message: Message, effect: MagicEffect | undefined): Step[] {
  const steps: Step[] = message.status === 'accepted' ? [{ status: 'queued' }] : [];
  if (effect?.kind === 'silent' && effect.status === 'sent') return [...steps, { status: 'sent' }];
  if (effect?.kind !== 'end') return [...steps, { status: 'sent' }, { status: 'delivered' }];
  // `failed` is Twilio's own word before sending, `undelivered` the carrier's after it.
  if (effect.status === 'undelivered') steps.push({ status: 'sent' });
  return [...steps, { status: effect.status, code: effect.code }];
}

function take(message: Message, { status, code }: Step): void {
  message.status = status;
  message.updatedAt = new Date();
  if (status === 'sent') message.sentAt = message.updatedAt;
  if (code !== undefined) message.errorCode = code;
}
