import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { HeraldError } from '../domain/errors.ts';
import { templateError } from './errors.ts';

/** Most bytes of one template file. */
const MAX_FILE_BYTES = 256 * 1024;
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** A source and the file that it came from, as errors name it. */
export interface Source {
  readonly text: string;
  readonly file: string;
}
export type Sources = Map<string, Source>;

export interface FolderReader {
  /** A path as errors name it: the folder as it was given, and what is in it. */
  name(path: string): string;
  folders(path: string): Promise<string[]>;
  /** The `*.hbs` of a folder by name; none where there is no folder. */
  sources(path: string): Promise<Sources>;
  file(path: string): Promise<Source>;
}

/** Reads below one folder and never outside: a link is followed only if it stays inside (as ConfigMaps' do). */
export async function openFolder(folder: string): Promise<FolderReader> {
  const unusable = (why: string) =>
    new HeraldError('invalid', 'template-error', `the templates' folder ${folder} ${why}`, {
      fix: 'create it, or correct HERALD_TEMPLATES_DIR',
    });
  const root = await realpath(folder).catch(() => {
    throw unusable('does not exist');
  });
  if (!(await lstat(root)).isDirectory()) throw unusable('is not a folder');
  const name = (path: string) => join(folder, path);

  const entries = async (path: string, kind: 'file' | 'folder'): Promise<string[]> => {
    const found: string[] = [];
    const all = await readdir(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw unreadable(name(path), error);
    });
    for (const entry of all.sort()) {
      if (entry.startsWith('.')) continue;
      const stat = await lstat(await inside(join(path, entry)));
      if (kind === 'folder' ? stat.isDirectory() : stat.isFile()) found.push(entry);
    }
    return found;
  };
  const inside = async (path: string): Promise<string> => {
    const real = await realpath(join(root, path)).catch((error) => {
      throw unreadable(name(path), error);
    });
    if (real.startsWith(root + sep)) return real;
    throw templateError(path, [{ path: name(path), message: "leads out of the templates' folder" }]);
  };
  const file = async (path: string): Promise<Source> => {
    const real = await inside(path);
    if ((await lstat(real)).size > MAX_FILE_BYTES) {
      throw templateError(path, [{ path: name(path), message: `is larger than ${MAX_FILE_BYTES} bytes` }]);
    }
    return { text: decode(await readFile(real), path).replaceAll('\r\n', '\n'), file: name(path) };
  };
  const decode = (bytes: Buffer, path: string): string => {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw templateError(path, [{ path: name(path), message: 'is not UTF-8; save it as UTF-8' }]);
    }
  };
  return {
    name,
    file,
    async folders(path) {
      const found = await entries(path, 'folder');
      const bad = path === '' ? found.find((entry) => !NAME.test(entry)) : undefined;
      if (bad === undefined) return found;
      throw templateError(bad, [{ path: name(bad), message: 'a template is named like "hot-case"' }]);
    },
    async sources(path) {
      const files = (await entries(path, 'file')).filter((entry) => entry.endsWith('.hbs'));
      return new Map(
        await Promise.all(
          files.map(
            async (entry) => [entry.slice(0, -'.hbs'.length), await file(join(path, entry))] as const,
          ),
        ),
      );
    },
  };
}

function unreadable(path: string, error: NodeJS.ErrnoException): HeraldError {
  const why = error.code === 'ENOENT' ? 'is missing' : `cannot be read (${error.code ?? error.message})`;
  return templateError(path, [{ path, message: why }]);
}
