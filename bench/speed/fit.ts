import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { comparePlan, fitModel } from './model.ts';
import type { Result } from './report.ts';

/** Fits the model of `herald plan` to a run that was kept: `node dist/bench/speed/fit.js bench/results/….json`. */
const [file = ''] = new Command('fit').argument('<run>', 'a run of the bench, as JSON').parse().args;
const run = JSON.parse(await readFile(file, 'utf8')) as Result;
const fitted = fitModel(run);
if (!fitted) {
  console.error('the run did not measure `scale`, which the model needs');
  process.exitCode = 1;
} else {
  const [figure] = comparePlan(run);
  console.error(`planned ÷ measured, or the reverse: ${figure?.value.toFixed(2)}`, figure?.detail);
  console.log(JSON.stringify(fitted.model, null, 2));
}
