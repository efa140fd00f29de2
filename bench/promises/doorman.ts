import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A delivery's public id, and when its SMS came: milliseconds since the epoch and their fractions, on a monotonic clock. */
export type Arrival = readonly [deliveryId: string, at: number];

/** What was seen since the last look. */
export interface Watch {
  readonly arrivals: readonly Arrival[];
  /** The longest that the doorman looked at nothing: what came meanwhile seems to have come at once. */
  readonly stoodStillMs: number;
}

/**
 * Stands before the gateways, passes everything on, and notes when each SMS came. It does little else and keeps little,
 * so that it is held up less than the sandbox, which keeps whatever it takes: collecting its garbage, it stands still for
 * up to 23 ms, and all that came meanwhile comes at once.
 */
export interface Doorman {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** What it saw since the last call. */
  look(): Promise<Watch>;
  stop(): void;
}

const CHILD = fileURLToPath(import.meta.resolve('./doorman-child.js'));

/** @param gateways the port on 127.0.0.1 that everything is passed on to */
export async function hireDoorman(gateways: number): Promise<Doorman> {
  const child = fork(CHILD, [String(gateways)]);
  const said = async () => {
    const [message] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the doorman ended with ${code}`))),
    ]);
    return message;
  };
  const { port } = await said();
  return {
    port,
    look() {
      const told = said();
      child.send('look');
      return told;
    },
    stop: () => void child.kill(),
  };
}
