import { planFor, RESOURCES, type Resource, type Wish } from './capacity.ts';
import type { CapacityModel } from './capacity-model.ts';
import { CHANNELS, type Channel } from './channel.ts';

/** Whatever has a setting. One announcement's recipients are listed by one process, whatever one adds. */
export type Relievable = Exclude<Resource, 'listing'>;

/** What to have more of. */
export interface Step {
  readonly resource: Relievable;
  /** Where each channel has a setting of its own. */
  readonly channel: Channel | undefined;
  readonly from: number;
  readonly to: number;
}

export interface Advice {
  readonly steps: readonly Step[];
  /** How long it takes then. */
  readonly seconds: number;
}

interface Knob {
  readonly ofChannel: boolean;
  readonly get: (wish: Wish, channel: Channel) => number;
  readonly set: (wish: Wish, channel: Channel, value: number) => Wish;
}

const common = (name: 'workers' | 'web' | 'databaseCores' | 'diskPerSecond'): Knob => ({
  ofChannel: false,
  get: (wish) => wish[name],
  set: (wish, _, value) => ({ ...wish, [name]: value }),
});

const KNOBS: Readonly<Record<Relievable, Knob>> = {
  gateway: {
    ofChannel: true,
    get: (wish, channel) => (channel === 'webhook' ? Number.POSITIVE_INFINITY : wish.perSecond[channel]),
    set: (wish, channel, value) => ({ ...wish, perSecond: { ...wish.perSecond, [channel]: value } }),
  },
  connections: {
    ofChannel: true,
    get: (wish, channel) => wish.connections[channel],
    set: (wish, channel, value) => ({ ...wish, connections: { ...wish.connections, [channel]: value } }),
  },
  worker: common('workers'),
  web: common('web'),
  // More cores where one machine has all, more machines where workers have some of their own.
  cores: {
    ofChannel: false,
    get: (wish) => (wish.machines === 0 ? wish.cores : wish.machines),
    set: (wish, _, value) => (wish.machines === 0 ? { ...wish, cores: value } : { ...wish, machines: value }),
  },
  database: common('databaseCores'),
  disk: common('diskPerSecond'),
};

/** So much of the last unit is rounding of floating point, and nothing to buy. */
const NOTHING = 1e-9;

/** The same wish with so many times as much of a resource, in whole numbers. */
export function relieved(wish: Wish, resource: Relievable, channel: Channel, factor: number): Wish {
  const { get, set } = KNOBS[resource];
  return set(wish, channel, Math.ceil(get(wish, channel) * factor * (1 - NOTHING)));
}

/**
 * What must be added for every channel to be sent in time, all at once: what would end next is among it.
 * @param target seconds from approval. It is missed where the listing alone takes longer
 */
export function adviceFor(model: CapacityModel, wish: Wish, target: number): Advice {
  const sending = target - model.startSeconds;
  const channels = CHANNELS.filter((channel) => wish.messages[channel] > 0);
  let changed = wish;
  const steps: Step[] = [];
  for (const resource of RESOURCES) {
    if (resource === 'listing' || sending <= 0) continue;
    const before = changed;
    for (const channel of channels) {
      // What was added for another channel may do for this one, and more workers have more connections.
      const plan = planFor(model, changed).channels.find((one) => one.channel === channel);
      const factor = (plan?.needs[resource] ?? 0) / sending;
      if (factor > 1) changed = relieved(changed, resource, channel, factor);
    }
    const { ofChannel, get } = KNOBS[resource];
    for (const channel of ofChannel ? channels : channels.slice(0, 1)) {
      const [from, to] = [get(before, channel), get(changed, channel)];
      if (from !== to) steps.push({ resource, channel: ofChannel ? channel : undefined, from, to });
    }
  }
  return { steps, seconds: planFor(model, changed).seconds };
}
