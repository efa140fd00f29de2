import { Argument, type Command } from 'commander';
import { WORKER_KINDS, type WorkerKind } from '../domain/health.ts';

export function register(program: Command): void {
  program
    .command('work')
    .description('run one worker process; needs DATABASE_URL (and REDIS_URL where the others have it)')
    .addArgument(new Argument('<kind>', 'what it does').choices(WORKER_KINDS))
    .action(async (kind: WorkerKind) => {
      const { workerProgram } = await import('./launch.ts');
      await import(workerProgram(kind));
    });
}
