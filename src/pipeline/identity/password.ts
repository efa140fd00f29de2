import { hash, type Options, verify } from '@node-rs/argon2';

/** Argon2id with OWASP's parameters (19 MiB, two passes); `algorithm` 2 is Argon2id. */
const ARGON2ID: Options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Of a password that nobody has: so that an unknown login takes as long as a known one. */
const NOBODYS = hash('nobody has this password', ARGON2ID);

export const hashPassword = (password: string): Promise<string> => hash(password, ARGON2ID);

/** @param stored PHC string; absent: takes as long, and is `false` */
export async function isPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  const fits = await verify(stored ?? (await NOBODYS), password);
  return fits && stored !== null && stored !== undefined;
}
