import { z } from 'zod';

/** What people sign in with: letters and digits of any script, single dots, hyphens, underscores or @ between them. */
export const loginSchema = z
  .string()
  .trim()
  .min(2)
  .max(64)
  .regex(/^[\p{L}\p{N}]+(?:[._@-][\p{L}\p{N}]+)*$/u, 'must be letters and digits, with . _ - @ between them');

/** Length is what makes a password (NIST SP 800-63B-4); 256 characters bound the work of hashing it. */
export const passwordSchema = z.string().min(12).max(256);

/** Whether a password is one of the first that somebody who knows the person would try. */
export function isGuessable(password: string, login: string): boolean {
  const plain = password.toLowerCase();
  return (
    new Set(plain).size < 5 || (login.length > 3 && plain.replaceAll(login.toLowerCase(), '').length < 8)
  );
}
