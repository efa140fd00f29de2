#!/usr/bin/env node
import { endWhenDone } from '../process.ts';
import { COMMANDS } from './commands.ts';
import { createContext } from './context.ts';
import { runCommandLine } from './program.ts';

endWhenDone();
const context = createContext({ stdin: process.stdin, stdout: process.stdout, stderr: process.stderr });
const code = await runCommandLine(COMMANDS, context, process.argv.slice(2));
if (code !== 0) {
  process.exitCode = code;
  // The channel to a parent would keep a process that has failed alive.
  if (process.connected) process.disconnect();
}
