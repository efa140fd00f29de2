import { existsSync } from 'node:fs';
import { installPackage } from './debian.ts';
import type { LeftOut } from './servers.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The system's Chromium, installed if it is missing and may be. */
export function findChromium(): string | LeftOut {
  const find = () => CHROMIUM.find(existsSync);
  const why = find() ? undefined : installPackage('chromium');
  return find() ?? { leftOut: `chromium is missing, and cannot be installed (${why})` };
}
