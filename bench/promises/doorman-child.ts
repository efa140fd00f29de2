import { monitorEventLoopDelay } from 'node:perf_hooks';
import { tellParent } from '../../src/process.ts';
import { createLink } from '../chaos/link.ts';
import type { Arrival, Watch } from './doorman.ts';

/** What the form of an SMS says of its delivery: the address for its receipts is encoded in it. */
const DELIVERY = /%3Fdelivery%3D([^&%]+)/;

let arrivals: Arrival[] = [];
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const { port } = await createLink(Number(process.argv[2]), undefined, (chunk) => {
  const at = performance.timeOrigin + performance.now();
  const found = DELIVERY.exec(chunk.toString('latin1'))?.[1];
  if (found !== undefined) arrivals.push([found, at]);
});
tellParent({ port });
process.once('disconnect', () => process.exit());
process.on('message', () => {
  tellParent({ arrivals, stoodStillMs: delay.max / 1e6 } satisfies Watch);
  arrivals = [];
  delay.reset();
});
