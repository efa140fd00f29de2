import { simpleParser } from 'mailparser';
import type { Channel } from '../../../src/domain/channel.ts';
import { addEndpoints, populate } from '../audience.ts';
import type { Order, PlainOrder } from '../clients/orders.ts';
import type { Figure, FigureName } from '../goals.ts';
import { type Ground, PUBLIC_URL } from '../ground.ts';
import type { Herald } from '../herald.ts';
import { compare, type Round, roundOf, runClient } from '../measure.ts';
import { startProcess } from '../processes.ts';

export type Comparison = 'sms' | 'email' | 'email-dkim' | 'webhook';

/** A hundred outlets would be many; announcements to the same ones follow each other. */
const ENDPOINTS = 50;
/** `plain` is slow, and its rate does not depend on how many there are. */
const PLAIN_SHARE = 0.25;
const WARM_UP_SHARE = 0.2;

/** Limit, plain and Herald side by side. */
export async function compareClients(
  ground: Ground,
  herald: Herald,
  comparison: Comparison,
): Promise<readonly Figure[]> {
  const channel: Channel = comparison === 'email-dkim' ? 'email' : comparison;
  const { options, sinks, servers, postmaster } = ground;
  const size = await makeAudience(ground, herald, channel);
  const children = [
    await startProcess('./clients/main.js'),
    await startProcess('./clients/main.js'),
  ] as const;
  const [limit, plain] = children;
  const connections = servers.config.connections[channel];
  const dkim = comparison === 'email-dkim' ? ground.dkim : undefined;

  const limitOrder = async (messages: number): Promise<Extract<Order, { readonly messages: number }>> => {
    const sample = await sinks.sample(channel);
    return channel === 'email'
      ? {
          run: 'limit-email',
          smtpPort: sinks.smtpPort,
          connections,
          messages,
          raw: unstuffed(sample.body),
          privateKey: dkim?.privateKey,
        }
      : { run: `limit-${channel}`, origin: sinks.url, connections, messages, sample, endpoints: ENDPOINTS };
  };
  const plainOrder = async (messages: number): Promise<PlainOrder> => ({
    run: `plain-${channel}`,
    sinkUrl: sinks.url,
    smtpPort: sinks.smtpPort,
    databaseUrl: servers.config.databaseUrl,
    redisUrl: servers.config.redisUrl,
    connections,
    messages,
    endpoints: ENDPOINTS,
    templates: await templatesFrom(channel, (await sinks.sample(channel)).body),
    dkim,
  });

  try {
    const result = await compare(
      {
        limit: async (warmUp) =>
          runClient(limit, postmaster, await limitOrder(warmUp ? size.warm : size.all)),
        plain: async (warmUp) => {
          const messages = Math.ceil((warmUp ? size.warm : size.all) * PLAIN_SHARE);
          return await runClient(plain, postmaster, await plainOrder(messages));
        },
        herald: (warmUp) => size.broadcast(warmUp),
      },
      options.rounds,
      (line) => ground.say(`${comparison}${line}`),
    );
    const figure = (other: 'limit' | 'plain'): Figure => ({
      name: `${comparison}/${other}` satisfies FigureName,
      value: result.herald.perSecond / result[other].perSecond,
      detail: { herald: result.herald, [other]: result[other], messages: size.all, connections },
    });
    return [figure('limit'), figure('plain')];
  } finally {
    for (const child of children) await child.stop();
  }
}

interface Audience {
  readonly all: number;
  readonly warm: number;
  broadcast(warmUp: boolean): Promise<Round>;
}

async function makeAudience(ground: Ground, herald: Herald, channel: Channel): Promise<Audience> {
  const { app } = herald;
  const all = ground.options.messages;
  const warm = Math.ceil(all * WARM_UP_SHARE);
  const parts = (of: number, some: number) => [
    { topic: 'bench-all', first: of },
    { topic: 'bench-warm', first: some },
  ];
  const topic = (warmUp: boolean) => (warmUp ? 'bench-warm' : 'bench-all');
  if (channel !== 'webhook') {
    await populate(ground, app, channel, parts(all, warm));
    return {
      all,
      warm,
      async broadcast(warmUp) {
        const ids = await herald.prepare(channel, topic(warmUp));
        return roundOf(await herald.broadcast(ids, warmUp ? warm : all));
      },
    };
  }
  await ground.pool.query('TRUNCATE subscribers, contacts');
  await addEndpoints(ground, app, ENDPOINTS, parts(ENDPOINTS, ENDPOINTS));
  const announcements = { all: Math.ceil(all / ENDPOINTS), warm: Math.ceil(warm / ENDPOINTS) };
  return {
    all: announcements.all * ENDPOINTS,
    warm: announcements.warm * ENDPOINTS,
    async broadcast(warmUp) {
      const count = announcements[warmUp ? 'warm' : 'all'];
      const ids = await herald.prepare(channel, topic(warmUp), count);
      return roundOf(await herald.broadcast(ids, count * ENDPOINTS));
    },
  };
}

/** RFC 5321, 4.5.2. */
const unstuffed = (mail: Buffer): Buffer =>
  Buffer.from(mail.toString('latin1').replaceAll('\r\n..', '\r\n.'), 'latin1');

/** The message that Herald sent, with its personal parts made variables again. */
async function templatesFrom(channel: Channel, body: Buffer): Promise<Record<string, string>> {
  const general = (text: string) =>
    text
      .replaceAll(/Citizen \d+/g, '{{name}}')
      .replaceAll(new RegExp(`${PUBLIC_URL}/u/[\\w-]+`, 'g'), '{{leaveUrl}}');
  switch (channel) {
    case 'sms':
      return { body: general(new URLSearchParams(body.toString()).get('Body') ?? '') };
    case 'webhook':
      return { body: body.toString() };
    case 'email': {
      const { subject = '', text = '', html } = await simpleParser(unstuffed(body));
      return { subject, text: general(text), html: general(html || '') };
    }
  }
}
