import type { CapacityModel, Cost, Costed } from './capacity-model.ts';
import { CHANNELS, type Channel } from './channel.ts';
import { HeraldError } from './errors.ts';

/** An announcement, and what it may use. */
export interface Wish {
  readonly messages: Readonly<Record<Channel, number>>;
  /** Of one SMS. */
  readonly segments: number;
  /** Whether Herald signs the mail itself. */
  readonly dkim: boolean;
  /** What the gateways take: SMS segments and mails a second. `Infinity`: they are no limit. */
  readonly perSecond: { readonly sms: number; readonly email: number };
  /** Status callbacks that the provider makes about one SMS. */
  readonly receipts: number;
  /** Worker processes of each channel. */
  readonly workers: number;
  /** Web processes. */
  readonly web: number;
  /** Of one worker process to its gateway. */
  readonly connections: Readonly<Record<Channel, number>>;
  /** From a request to the gateway's answer. */
  readonly latencyMs: number;
  /** Of the machine that all of Herald runs on; with `machines`, of each of those. */
  readonly cores: number;
  /** Machines that run workers and web servers alone; 0: PostgreSQL shares its machine with them. */
  readonly machines: number;
  /** Of PostgreSQL's own machine, where `machines` is not 0. */
  readonly databaseCores: number;
  /** What PostgreSQL's disk can write. Bytes a second. */
  readonly diskPerSecond: number;
  /** What else the machine does for each message: the bench's gateways. CPU microseconds. */
  readonly besideMicros?: number;
}

/** What can end first. */
export const RESOURCES = [
  'gateway',
  'worker',
  'connections',
  'web',
  'listing',
  'cores',
  'database',
  'disk',
] as const;
export type Resource = (typeof RESOURCES)[number];

export interface ChannelPlan {
  readonly channel: Channel;
  readonly messages: number;
  /** From approval to the last one sent, and what is reported of it meanwhile taken. */
  readonly seconds: number;
  /** While they go out steadily. */
  readonly perSecond: number;
  /** What ends first. */
  readonly binding: Resource;
  /** How long each resource alone would take: never longer than the whole. Seconds. */
  readonly needs: Readonly<Record<Resource, number>>;
}

export interface Plan {
  readonly channels: readonly ChannelPlan[];
  readonly seconds: number;
  /** The channel that ends last. */
  readonly last: ChannelPlan;
}

interface Given {
  readonly model: CapacityModel;
  readonly wish: Wish;
  readonly cost: Cost;
  readonly channel: Channel;
}

/**
 * How long one message keeps a resource from the others, in seconds. What is shared, all channels use at a time; the
 * rest each has of its own.
 */
const DEMANDS: Readonly<
  Record<Resource, { readonly shared: boolean; readonly each: (given: Given) => number }>
> = {
  gateway: {
    shared: false,
    each: ({ wish, channel }) =>
      // One announcement is one request to each outlet.
      channel === 'webhook' ? 0 : (channel === 'sms' ? wish.segments : 1) / wish.perSecond[channel],
  },
  connections: {
    shared: false,
    each: ({ model, wish, channel }) =>
      wish.latencyMs / 1_000 / (wish.workers * wish.connections[channel] * (model.connectionsUse ?? 1)),
  },
  worker: {
    shared: false,
    each: ({ wish, cost }) => seconds(cost.workerMicros) / (wish.workers * cost.threads * cost.use),
  },
  web: {
    shared: false,
    each: (given) =>
      given.model.receipt ? receiptsOf(given) / (given.wish.web * given.model.receipt.perSecond) : 0,
  },
  listing: {
    shared: true,
    each: ({ model, channel }) =>
      channel === 'webhook' || !model.listedPerSecond ? 0 : 1 / model.listedPerSecond,
  },
  cores: {
    shared: true,
    each(given) {
      const { wish, cost } = given;
      const own = cost.workerMicros + cost.otherMicros + webMicros(given) + (wish.besideMicros ?? 0);
      const together = wish.machines === 0 ? own + databaseMicros(given) : own;
      return seconds(together) / (Math.max(1, wish.machines) * wish.cores * cost.use);
    },
  },
  database: {
    shared: true,
    each: (given) =>
      given.wish.machines === 0
        ? 0
        : seconds(databaseMicros(given)) / (given.wish.databaseCores * given.cost.use),
  },
  disk: {
    shared: true,
    each: ({ model, wish }) => (model.walBytesEach + model.databaseBytesEach) / wish.diskPerSecond,
  },
};

const seconds = (micros: number) => micros / 1e6;
const receiptsOf = ({ wish, channel }: Given) => (channel === 'sms' ? wish.receipts : 0);
const webMicros = (given: Given) => receiptsOf(given) * (given.model.receipt?.webMicros ?? 0);
const databaseMicros = (given: Given) =>
  given.cost.databaseMicros +
  given.cost.queueMicros +
  receiptsOf(given) * (given.model.receipt?.databaseMicros ?? 0);

/**
 * How long an announcement takes: as long as the resource that ends first needs for it. Whatever several channels use
 * at a time serves them in equal parts, so that a short one ends before a long one.
 * @throws HeraldError `nothing-to-plan`, `not-in-the-model` when the model was not fitted to a channel
 */
export function planFor(model: CapacityModel, wish: Wish): Plan {
  const given = CHANNELS.filter((channel) => wish.messages[channel] > 0).map(
    (channel): Given => ({ model, wish, channel, cost: costOf(model, wish, channel) }),
  );
  const work = given.map((one) => ({
    channel: one.channel,
    own: table((resource) => wish.messages[one.channel] * DEMANDS[resource].each(one)),
  }));
  const channels = work.map(({ channel, own }): ChannelPlan => {
    const needs = table((resource) =>
      DEMANDS[resource].shared
        ? work.reduce((sum, other) => sum + Math.min(own[resource], other.own[resource]), 0)
        : own[resource],
    );
    const binding = RESOURCES.reduce((most, one) => (needs[one] > needs[most] ? one : most));
    const messages = wish.messages[channel];
    return {
      channel,
      messages,
      seconds: model.startSeconds + needs[binding],
      perSecond: messages / needs[binding],
      binding,
      needs,
    };
  });
  const [first, ...rest] = channels;
  if (!first) throw new HeraldError('invalid', 'nothing-to-plan', 'there is nobody to send to');
  const last = rest.reduce((longest, one) => (one.seconds > longest.seconds ? one : longest), first);
  return { channels, seconds: last.seconds, last };
}

/** How many of a channel's messages are sent so many seconds after approval. */
export function sentAfter({ startSeconds }: CapacityModel, plan: ChannelPlan, after: number): number {
  if (plan.seconds <= after) return plan.messages;
  return Math.floor(Math.max(0, after - startSeconds) * plan.perSecond);
}

function costOf(model: CapacityModel, wish: Wish, channel: Channel): Cost {
  const kind: Costed = channel === 'email' && wish.dkim ? 'email-dkim' : channel;
  const cost = model.costs[kind];
  if (cost) return cost;
  throw new HeraldError('invalid', 'not-in-the-model', `the model knows nothing about ${kind}`, {
    fix: `measure it too: npm run bench -- --only ${kind},scale --keep`,
  });
}

function table(of: (resource: Resource) => number): Readonly<Record<Resource, number>> {
  return Object.fromEntries(RESOURCES.map((resource) => [resource, of(resource)])) as Record<
    Resource,
    number
  >;
}
