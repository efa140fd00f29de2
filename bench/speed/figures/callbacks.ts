import twilio from 'twilio';
import { DELIVERY_PARAM } from '../../../src/channels/sms/twilio-callbacks.ts';
import { populate } from '../audience.ts';
import type { Callback } from '../clients/orders.ts';
import type { Figure } from '../goals.ts';
import { type Ground, PUBLIC_URL } from '../ground.ts';
import type { Herald } from '../herald.ts';
import { compare, type Round, roundOf } from '../measure.ts';
import { startCpuMeter } from '../proc.ts';
import { type Child, startProcess } from '../processes.ts';

const TOPIC = 'bench-callbacks';
/** As many as Twilio opens to us is not known; enough that answers in bulk pay. */
const CONNECTIONS = 64;

/** Twilio's reports of delivery to the web process, against the same route in a process that only verifies them. */
export async function measureCallbacks(ground: Ground, herald: Herald): Promise<readonly Figure[]> {
  const { options, postmaster } = ground;
  const all = options.messages;
  const warm = Math.ceil(all / 5);
  await populate(ground, herald.app, 'sms', [
    { topic: TOPIC, first: all },
    { topic: `${TOPIC}-warm`, first: warm },
  ]);
  const client = await startProcess('./clients/main.js');
  const route = await startProcess('./bare-route.js', herald.env);
  const web = herald.children.find(({ name }) => name === 'web');
  /** Each row can be told delivered once, so each round has rows of its own. */
  let requests: readonly Callback[] = [];
  const send = async (origin: string, pid: number): Promise<Round> => {
    const meter = startCpuMeter({ pids: [pid], postmaster });
    const ms = Number(await client.ask({ run: 'callbacks', origin, connections: CONNECTIONS, requests }));
    return roundOf({ messages: requests.length, ms, cpu: meter() });
  };
  try {
    const { durable, bare } = await compare(
      {
        bare: (warmUp) =>
          warmUp ? send(urlOf(route), route.pid) : prepareAnd(() => send(urlOf(route), route.pid)),
        durable: async (warmUp) => {
          if (warmUp) requests = await sentOnes(ground, herald, `${TOPIC}-warm`, warm);
          const round = await send(herald.webUrl, web?.pid ?? 0);
          await confirm(ground, requests.length);
          return round;
        },
      },
      options.rounds,
      (line) => ground.say(`callbacks${line}`),
    );
    return [
      {
        name: 'callbacks/route',
        value: durable.perSecond / bare.perSecond,
        detail: { durable, bare, callbacks: all, connections: CONNECTIONS },
      },
    ];
  } finally {
    await route.stop();
    await client.stop();
  }

  async function prepareAnd<T>(then: () => Promise<T>): Promise<T> {
    requests = await sentOnes(ground, herald, TOPIC, all);
    return await then();
  }
}

const urlOf = (route: Child) => (route.ready as { url: string }).url;

/** The callbacks of an announcement that was just sent. */
async function sentOnes(
  ground: Ground,
  herald: Herald,
  topic: string,
  messages: number,
): Promise<Callback[]> {
  const ids = await herald.prepare('sms', topic);
  await herald.broadcast(ids, messages);
  const { rows } = await ground.pool.query<{ id: number; n: number; sid: string }>(
    'SELECT announcement_id AS id, n, provider_message_id AS sid FROM deliveries WHERE announcement_id = ANY ($1) ORDER BY n',
    [ids],
  );
  return rows.map(({ id, n, sid }) => {
    const path = `/callbacks/twilio/status?${DELIVERY_PARAM}=${herald.app.ids.encode('delivery', id, n)}`;
    const params = {
      AccountSid: herald.env.TWILIO_ACCOUNT_SID ?? '',
      ApiVersion: '2010-04-01',
      From: '+12025550100',
      MessageSid: sid,
      MessageStatus: 'delivered',
      SmsSid: sid,
      SmsStatus: 'delivered',
      To: '+12025550101',
      RawDlrDoneDate: '2612010800',
    };
    const signature = twilio.getExpectedTwilioSignature(
      herald.env.TWILIO_AUTH_TOKEN ?? '',
      `${PUBLIC_URL}${path}`,
      params,
    );
    return { path, body: new URLSearchParams(params).toString(), signature };
  });
}

/** What was answered must be written. */
async function confirm({ pool }: Ground, messages: number): Promise<void> {
  const { rows } = await pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM deliveries
     WHERE announcement_id = (SELECT max(announcement_id) FROM deliveries) AND status = 'delivered'`,
  );
  if (rows[0]?.n !== messages)
    throw new Error(`${messages} callbacks were answered, ${rows[0]?.n} are written`);
}
