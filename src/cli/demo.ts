import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('demo')
    .description(
      'show the main job, end to end, in a database of its own: import, approve, send, receipts, and the proof',
    )
    .option('--json', 'print one JSON object as the last line')
    .action(async (options: { json?: boolean }) => {
      const { demo } = await import('./demo-run.ts');
      await demo(options);
    });
}
