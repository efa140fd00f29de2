import { planFor } from '../../src/domain/capacity.ts';
import {
  type CapacityModel,
  COSTED,
  type Cost,
  capacityModelSchema,
} from '../../src/domain/capacity-model.ts';
import type { SizePoint } from './figures/scale.ts';
import type { Figure } from './goals.ts';
import type { Round } from './measure.ts';
import type { Result } from './report.ts';

/** What a run was told and found, as far as a model is fitted to it. */
export type Run = Omit<Result, 'figures'> & {
  readonly figures: Readonly<Record<string, Pick<Figure, 'detail'>>>;
};

export interface Fitted {
  readonly model: CapacityModel;
  /** What the gateways and the bench itself took of the machine. CPU microseconds an SMS. */
  readonly besideMicros: number;
}

/** Smaller ones are over before they go out steadily. */
const LARGE = 5_000;

/**
 * Fits the model of `herald plan` to a run. Costs are those of the SMS that went out fastest, because whatever else a
 * machine does only makes them slower.
 * @param points announcements to fit to: all of the run's, or all but those that are to be foretold
 * @returns `undefined` when the run did not measure what the model needs at least
 */
export function fitModel(run: Run, points: readonly SizePoint[] = run.points): Fitted | undefined {
  const { figures, options, machine, databaseBytesEach, walBytesEach } = run;
  const roundOf = (name: string) => figures[name]?.detail?.herald as Round | undefined;
  const most = figures['memory/most'] as Figure | undefined;
  const first = figures['first-sms'] as Figure | undefined;
  const startSeconds = Math.min(...points.map((point) => point.recipients / point.perSecond));
  const large = points.filter((point) => point.recipients >= LARGE);
  const compared = roundOf('sms/limit');
  // Their start is in them, so all go out somewhat faster than that; the best of them comes closest.
  const candidates: readonly Round[] = [
    ...(large.length > 0 ? large : points),
    ...(compared ? [compared] : []),
  ];
  const sms = candidates.reduce<Round | undefined>(
    (best, one) => (best && best.perSecond >= one.perSecond ? best : one),
    undefined,
  );
  if (!sms || !most || !first || databaseBytesEach === undefined || walBytesEach === undefined)
    return undefined;

  const cores = Number(machine.cores);
  const others = COSTED.filter((kind) => kind !== 'sms').flatMap((kind) => {
    const round = roundOf(`${kind}/limit`);
    return round ? [[kind, costOf(round, cores)] as const] : [];
  });
  const listing = figures['expand/insert']?.detail as { expandMs: number; recipients: number } | undefined;
  const receipt = figures['callbacks/route']?.detail?.durable as Round | undefined;
  const latency = figures['latency/connections'] as Figure | undefined;
  const redis = figures['redis/memory'] as
    | (Figure & { detail: { recipients: number; idle: number } })
    | undefined;
  const model: CapacityModel = {
    measured: {
      at: run.at,
      backend: options.backend,
      cpu: String(machine.cpu),
      cores,
      node: String(machine.node),
      postgres: String(machine.postgres),
      recipients: Math.max(...points.map((point) => point.recipients)),
    },
    startSeconds,
    firstSeconds: first.value,
    costs: { sms: costOf(sms, cores), ...Object.fromEntries(others) },
    ...(receipt && {
      receipt: {
        perSecond: receipt.perSecond,
        webMicros: receipt.busiestMicros,
        databaseMicros: receipt.databaseMicros,
      },
    }),
    ...(latency && { connectionsUse: Math.min(1, latency.value) }),
    ...(listing && { listedPerSecond: (listing.recipients * 1_000) / listing.expandMs }),
    databaseBytesEach,
    walBytesEach,
    ...(redis && {
      redis: {
        idleBytes: redis.detail.idle,
        bytesEach: Math.max(0, redis.value * 1e6 - redis.detail.idle) / redis.detail.recipients,
      },
    }),
    processBytes: most.value * 1e6,
  };
  return { model: capacityModelSchema.parse(rounded(model)), besideMicros: sms.benchMicros };
}

function costOf(round: Round, cores: number): Cost {
  const { cpuMicros, databaseMicros, busiestMicros, queueMicros, benchMicros, perSecond } = round;
  const threads = Math.max(1, (perSecond * busiestMicros) / 1e6);
  // What each of the two would let through, if nothing ever waited for anything.
  const worker = (threads * 1e6) / busiestMicros;
  const machine = (cores * 1e6) / (cpuMicros + queueMicros + benchMicros);
  return {
    workerMicros: busiestMicros,
    threads,
    otherMicros: Math.max(0, cpuMicros - databaseMicros - busiestMicros),
    databaseMicros,
    queueMicros,
    use: Math.min(1, perSecond / Math.min(worker, machine)),
  };
}

/** Four digits are more than a measurement has. */
const rounded = (model: CapacityModel): unknown =>
  JSON.parse(
    JSON.stringify(model, (_, value: unknown) =>
      typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
    ),
  );

/** Cores that what is neither Herald's nor the bench's kept busy: a shared machine's figures are worth less. */
const strangers = ({ machineMicros, cpuMicros, queueMicros, benchMicros, perSecond }: Round): number =>
  (Math.max(0, machineMicros - cpuMicros - queueMicros - benchMicros) * perSecond) / 1e6;

/** What the model foretells of the largest announcement, when it knows only the smaller ones, and what it took. */
export function comparePlan(run: Run): readonly Figure[] {
  const points = [...run.points].sort((a, b) => a.recipients - b.recipients);
  const largest = points.pop();
  const fitted = fitModel(run, points);
  if (!largest || !fitted) return [];
  const plan = planFor(fitted.model, {
    messages: { sms: largest.recipients, email: 0, webhook: 0 },
    segments: 1,
    dkim: false,
    perSecond: { sms: Number.POSITIVE_INFINITY, email: Number.POSITIVE_INFINITY },
    receipts: 0,
    workers: 1,
    web: 1,
    connections: { sms: 1, email: 1, webhook: 1 },
    latencyMs: 0,
    cores: fitted.model.measured.cores,
    machines: 0,
    databaseCores: 1,
    diskPerSecond: Number.POSITIVE_INFINITY,
    besideMicros: fitted.besideMicros,
  });
  const measured = largest.recipients / largest.perSecond;
  return [
    {
      name: 'plan/measured',
      // Too long is as wrong as too short.
      value: Math.max(plan.seconds / measured, measured / plan.seconds),
      detail: {
        recipients: largest.recipients,
        plannedSeconds: plan.seconds,
        measuredSeconds: measured,
        endsFirst: plan.last.binding,
        fittedTo: fitted.model.measured.recipients,
        coresTakenByOthers: strangers(largest),
      },
    },
  ];
}
