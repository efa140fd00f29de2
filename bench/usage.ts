import { type Command, InvalidArgumentError } from 'commander';

/**
 * Reads a command line. Wrong usage ends the process with 2 and one line that says what is wrong: 1 means that what was
 * measured is not as it should be.
 * @param argv without node and the script; default: this process's
 */
export function parseUsage<T extends object>(command: Command, argv?: readonly string[]): T {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  return (argv ? command.parse(argv, { from: 'user' }) : command.parse()).opts<T>();
}

/** For an option or argument that is a whole number of at most nine digits. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`it must be a whole number, at least ${least}`);
  };
}

/** For an option that is some of `names`, with commas. */
export function someOf<T extends string>(names: readonly T[]): (text: string) => readonly T[] {
  return (text) => {
    const given = text.split(',').map((name) => name.trim());
    const unknown = given.filter((name) => !(names as readonly string[]).includes(name));
    if (unknown.length === 0) return given as T[];
    throw new InvalidArgumentError(
      `there is no ${unknown.map((name) => `'${name}'`).join(', ')}; there are ${names.join(', ')}`,
    );
  };
}
