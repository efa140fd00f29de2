import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const POLICY = '/usr/sbin/policy-rc.d';
const CLUSTER_CONFIG = '/etc/postgresql-common/createcluster.conf';

/**
 * Installs a Debian package where we may (root, apt), without its service being started.
 * @returns why not, or `undefined` when it is there now
 */
export function installPackage(name: string): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  if (!existsSync('/usr/bin/apt-get')) return 'no apt-get';
  console.log(`installing ${name} for the tests…`);
  const policy = !existsSync(POLICY);
  // 101: "action forbidden by policy"; invoke-rc.d then starts nothing.
  if (policy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const apt = (...args: string[]) =>
      execFileSync('apt-get', args, {
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
        stdio: 'pipe',
      });
    const install = () => apt('install', '-y', '-q', '--no-install-recommends', name);
    if (name.startsWith('postgresql')) {
      apt('install', '-y', '-q', '--no-install-recommends', 'postgresql-common');
      writeFileSync(CLUSTER_CONFIG, 'create_main_cluster = false\n', {
        flag: existsSync(CLUSTER_CONFIG) ? 'a' : 'w',
      });
    }
    try {
      install();
    } catch {
      apt('update', '-q'); // the lists may be missing or old
      install();
    }
    return undefined;
  } catch (error) {
    return String(error).split('\n')[0];
  } finally {
    if (policy) rmSync(POLICY);
  }
}
