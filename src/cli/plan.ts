import type { Command } from 'commander';
import { WEBHOOK_HOURS } from '../domain/announcement.ts';
import { planFor, sentAfter } from '../domain/capacity.ts';
import { adviceFor } from '../domain/capacity-advice.ts';
import standard from '../domain/capacity-default.json' with { type: 'json' };
import { capacityModelSchema } from '../domain/capacity-model.ts';
import { sizesOf } from '../domain/capacity-sizes.ts';
import { type Context, checked, readJson } from './context.ts';
import { print } from './output.ts';
import { addPlanOptions, type PlanOptions, wishOf } from './plan-options.ts';
import { type Outlook, outlookText } from './plan-text.ts';

/** Whoever waits for less than this needs no advice. Seconds. */
const SOON = 60;
const GB = 1e9;

export function register(program: Command, { io, config }: Context): void {
  const command = program
    .command('plan')
    .description('how long an announcement would take, what ends first, and what to add; nothing is sent');
  addPlanOptions(command).action(async (options: PlanOptions) => {
    const outlook = outlookOf(
      options,
      config(),
      options.model === undefined ? standard : await readJson(io, options.model),
    );
    print(io, options, outlook, () => outlookText(outlook));
  });
}

function outlookOf(options: PlanOptions, config: Parameters<typeof wishOf>[1], fitted: unknown): Outlook {
  const model = checked(capacityModelSchema, fitted, 'the model');
  const wish = wishOf(options, config, model.measured.cores);
  const plan = planFor(model, wish);
  const sizes = sizesOf(model, wish, options.memory * GB);
  const channels = plan.channels.map((one) => {
    const expires = one.channel === 'webhook' ? WEBHOOK_HOURS * 3_600 : options.expires;
    return { ...one, expires, late: one.messages - sentAfter(model, one, expires) };
  });
  const late = channels.filter((one) => one.late > 0);
  const target = late.length > 0 ? Math.min(...late.map((one) => one.expires)) : plan.seconds / 2;
  const segments = wish.messages.sms * wish.segments;
  const disk = options.disk === undefined ? undefined : options.disk * GB;
  return {
    measured: model.measured,
    wish,
    channels,
    seconds: plan.seconds,
    firstSeconds: model.firstSeconds,
    endsFirst: { channel: plan.last.channel, resource: plan.last.binding },
    cost: options.price && {
      segments,
      amount: Number((segments * options.price.amount).toFixed(2)),
      price: options.price,
    },
    sizes,
    disk:
      disk === undefined
        ? undefined
        : { free: disk, isEnough: sizes.disk <= disk, holds: Math.min(1, disk / sizes.disk) },
    memory: options.memory * GB,
    advice:
      late.length > 0 || plan.seconds > SOON
        ? { why: late.length > 0 ? 'in-time' : 'half', target, ...adviceFor(model, wish, target) }
        : undefined,
  };
}
