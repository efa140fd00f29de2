import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { parseUsage } from '../usage.ts';
import { comparePlan, fitModel } from './model.ts';
import type { Result } from './report.ts';

/** Fits the model of `herald plan` to a run that was kept: `node dist/bench/speed/fit.js bench/results/….json`. */
const command = new Command('fit').argument('<run>', 'a run of the bench, as JSON', readRun);
parseUsage(command);
const run = command.processedArgs[0] as Result;
const fitted = fitModel(run);
if (!fitted) {
  console.error('the run did not measure `scale`, which the model needs');
  process.exitCode = 1;
} else {
  const [figure] = comparePlan(run);
  console.error(`planned ÷ measured, or the reverse: ${figure?.value.toFixed(2)}`, figure?.detail);
  console.log(JSON.stringify(fitted.model, null, 2));
}

function readRun(file: string): Result {
  try {
    const run = JSON.parse(readFileSync(file, 'utf8')) as Partial<Result> | null;
    if (run?.figures && run.options && run.machine && Array.isArray(run.points)) return run as Result;
  } catch (error) {
    throw new InvalidArgumentError(`it cannot be read: ${(error as Error).message.split('\n')[0]}`);
  }
  throw new InvalidArgumentError('it is no run of the bench');
}
