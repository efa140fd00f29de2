import type twilio from 'twilio';
import type { SettleOutcome } from '../../domain/outcome.ts';
import type { SettleQuestion } from '../../pipeline/ports.ts';
import type { Call } from '../exchange.ts';

const PAGE_SIZE = 50;
/** 1,000 messages to one number: beyond it, "not found" would be a guess. */
const MAX_PAGES = 20;
/** How much earlier than the claim a message may have been created, for clocks that differ. */
const SLACK_MS = 120_000;
/** What Twilio puts before the text when the account is a trial one. */
const TRIAL_PREFIX = 'Sent from your Twilio trial account - ';

/**
 * Looks for a message that may have been taken. Twilio has no idempotency token and does not return the
 * callback URL, so it is told by what it does return: the number, the text, and a creation time not before
 * the claim (less {@link SLACK_MS}). No date filter: `DateSent` knows no message that is still queued.
 *
 * A text that is not ours to the letter may be ours all the same: the recipient's name or our public address may have been
 * changed since. So "not found" is said only when all that the number got meanwhile is known to be something else.
 *
 * The claim's moment is put on Twilio's clock by the `Date` header of the list's own answer, and on the local
 * clock only when that is missing. A list runs some seconds behind; the caller waits, and asks twice.
 *
 * @param ask starts one request of the SDK
 * @throws what the SDK throws when the list cannot be read
 */
export async function findMessage(
  messages: twilio.Twilio['messages'],
  question: SettleQuestion,
  call: Call,
  ask: <T>(start: () => Promise<T>) => Promise<T>,
): Promise<SettleOutcome> {
  const started = performance.now();
  let earliest: number | undefined;
  let page: Pick<Awaited<ReturnType<typeof messages.page>>, 'instances' | 'nextPageUrl'> = await ask(() =>
    messages.page({ to: question.address, pageSize: PAGE_SIZE }),
  );
  const exact: string[] = [];
  const similar: string[] = [];
  for (let pages = 1; pages <= MAX_PAGES; pages++) {
    earliest ??= providerNow(call) - (performance.now() - started) - question.claimedAgoMs - SLACK_MS;
    for (const { sid, body, dateCreated } of page.instances) {
      const created = dateCreated instanceof Date ? dateCreated.getTime() : Number.NaN;
      if (created >= earliest) (sameText(body, question.body) ? exact : similar).push(sid);
    }
    if (!page.nextPageUrl) return await decide(question, exact, similar);
    const { nextPageUrl } = page;
    page = await ask(() => messages.getPage(nextPageUrl));
  }
  return { settled: 'unavailable', message: `more than ${MAX_PAGES * PAGE_SIZE} messages to this number` };
}

async function decide(
  question: SettleQuestion,
  exact: readonly string[],
  similar: readonly string[],
): Promise<SettleOutcome> {
  if (exact.length + similar.length === 0) return { settled: 'not-found' };
  const others = await question.others([...exact, ...similar]);
  const ours = exact.find((sid) => !others.has(sid));
  if (ours !== undefined) return { settled: 'found', providerMessageId: ours };
  const doubtful = similar.filter((sid) => !others.has(sid)).length;
  if (doubtful === 0) return { settled: 'not-found' };
  return {
    settled: 'unclear',
    message: `the number got ${doubtful} message(s) meanwhile that may be this one, with another text`,
  };
}

function providerNow(call: Call): number {
  const date = call.answer?.headers.date;
  const parsed = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  return Number.isNaN(parsed) ? Date.now() : parsed;
}

/** Equal but for what is lost on the way: space at the ends and the form of line breaks. */
function sameText(listed: string, sent: string | null): boolean {
  if (sent === null) return false;
  const plain = (text: string) => text.replaceAll('\r\n', '\n').trim();
  return plain(listed ?? '') === plain(sent) || plain(listed ?? '') === plain(TRIAL_PREFIX + sent);
}
