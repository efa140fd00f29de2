import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/root.ts';

/** A program and its arguments, and what its line says is wrong. */
const WRONG: readonly (readonly [program: string, args: readonly string[], says: RegExp])[] = [
  ['chaos', ['--kills', '0'], /--kills.*at least 1/],
  ['chaos', ['--nonsense'], /unknown option '--nonsense'/],
  ['promises', ['--only', 'foo'], /--only.*there is no 'foo'; there are limit-slow/],
  ['promises', ['--seconds', 'abc'], /--seconds.*whole number, at least 3/],
  ['promises', ['--seconds', '20', '--quick'], /--seconds.*cannot be used with.*--quick/],
  ['speed', ['--only', 'sms', '--keep'], /--keep.*cannot be used with.*--only/],
  ['speed', ['--quick', '--keep'], /--keep.*cannot be used with.*--quick/],
  ['speed/fit', ['/nope'], /argument 'run'\. it cannot be read: ENOENT/],
  ['speed/fit', [join(packageRoot, 'package.json')], /it is no run of the bench/],
];

test.each(WRONG)('%s %j ends with 2 and one line', async (program, args, says) => {
  const module = program.includes('/') ? `${program}.js` : `${program}/main.js`;
  const { code, stderr, stdout } = await run([join(packageRoot, 'dist/bench', module), ...args]);
  expect(stderr).toMatch(says);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test('help is no wrong usage', async () => {
  const { code, stdout } = await run([join(packageRoot, 'dist/bench/chaos/main.js'), '--help']);
  expect(stdout).toContain('--kills');
  expect(code).toBe(0);
});

function run(args: readonly string[]): Promise<{ code: number; stderr: string; stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}
