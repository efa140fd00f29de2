/** An error as the API answers it. */
export interface ApiError {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

/** A valid `POST Messages.json`. */
export interface NewMessage {
  readonly to: string;
  readonly body: string;
  readonly from: string | null;
  readonly messagingServiceSid: string | null;
  readonly statusCallback: string | null;
}

const SENDER = /^(\+[1-9]\d{6,14}|\d{3,8}|[A-Za-z0-9 ]{1,11})$/;

type Check = (form: URLSearchParams) => boolean;

/** What the API refuses, in the order in which it looks; each line is what must not be the case. */
const REFUSALS: readonly (readonly [Check, code: number, message: string])[] = [
  [(f) => !f.get('To'), 21604, "A 'To' phone number is required."],
  [(f) => !/^\+[1-9]\d{6,14}$/.test(f.get('To') ?? ''), 21211, "Invalid 'To' Phone Number"],
  [
    (f) => !f.get('From') && !f.get('MessagingServiceSid'),
    21603,
    "A 'From' or 'MessagingServiceSid' is required.",
  ],
  [
    (f) => !!f.get('MessagingServiceSid') && !/^MG[0-9a-fA-F]{32}$/.test(f.get('MessagingServiceSid') ?? ''),
    21701,
    'The Messaging Service does not exist',
  ],
  [(f) => !!f.get('From') && !SENDER.test(f.get('From') ?? ''), 21212, "Invalid 'From' Phone Number"],
  [(f) => !f.get('Body'), 21602, 'Message body is required.'],
  [
    (f) => (f.get('Body') ?? '').length > 1600,
    21617,
    'The concatenated message body exceeds the 1600 character limit',
  ],
  [
    (f) => !!f.get('StatusCallback') && !isHttp(f.get('StatusCallback') ?? ''),
    21609,
    "The 'StatusCallback' URL is not valid.",
  ],
];

/** Checks a form as the real API does, with its codes. */
export function parseNewMessage(form: URLSearchParams): NewMessage | ApiError {
  for (const [applies, code, message] of REFUSALS) if (applies(form)) return { status: 400, code, message };
  return {
    to: form.get('To') ?? '',
    body: form.get('Body') ?? '',
    from: form.get('From'),
    messagingServiceSid: form.get('MessagingServiceSid'),
    statusCallback: form.get('StatusCallback'),
  };
}

function isHttp(url: string): boolean {
  return /^https?:/.test(url) && URL.canParse(url);
}
