import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { packageRoot } from '../root.ts';
import type { Context } from './context.ts';
import { errorText, explain, Failed } from './output.ts';

export type Register = (program: Command, context: Context) => void;

const AFTER_HELP = `
Exit codes: 0 done, 1 failed, 2 wrong usage or input. With --json the last line of stdout is one JSON object,
for errors {"error":{"code","message","issues","fix"}}. The environment is described in docs/operations.md.`;

/**
 * Runs one command line.
 * @param argv without node and the script
 * @returns the exit code; the commands that run for long set `process.exitCode` themselves
 */
export async function runCommandLine(
  commands: readonly Register[],
  context: Context,
  argv: readonly string[],
): Promise<number> {
  const { io } = context;
  for (const stream of [io.stdout, io.stderr]) {
    // Whoever reads us has seen enough (`herald … | head`); what is under way is still finished.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  try {
    await createProgram(commands, context).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // help or version was asked for and shown
    if (error instanceof Failed) {
      io.stderr.write(`herald: ${error.message}\n`);
      return 1;
    }
    const { exitCode, shown } = explain(error);
    const helped = error instanceof CommanderError && error.code === 'commander.help';
    if (!helped) io.stderr.write(`${errorText(shown)}\n`);
    if (argv.includes('--json')) io.stdout.write(`${JSON.stringify({ error: shown })}\n`);
    if (/^(debug|trace)$/.test(safeLogLevel(context)) && error instanceof Error)
      io.stderr.write(`${error.stack}\n`);
    return exitCode;
  }
}

function createProgram(commands: readonly Register[], context: Context): Command {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const program = new Command('herald')
    .description(
      'Tells the public about a case by SMS, e-mail and webhook: each message once, with a receipt for it.',
    )
    .version(version)
    .addHelpText('after', AFTER_HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.io.stdout.write(text),
      writeErr: (text) => context.io.stderr.write(text),
      outputError: () => undefined, // printed with all other errors, in one form
    });
  for (const register of commands) register(program, context);
  return program;
}

function safeLogLevel(context: Context): string {
  try {
    return context.config().logLevel;
  } catch {
    return 'info'; // a wrong configuration is the very error that is being shown
  }
}
