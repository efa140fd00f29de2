import { z } from 'zod';
import { normaliseEmail, normalisePhone } from '../../pipeline/address.ts';
import { text } from '../api/common.ts';

/** An empty field is nothing; otherwise it must be an address that can be written to. */
const orNull = (normalise: (text: string) => string | undefined) =>
  z
    .string()
    .trim()
    .max(254)
    .transform((typed, context) => {
      if (typed === '') return null;
      const normalised = normalise(typed);
      if (normalised !== undefined) return normalised;
      context.addIssue({ code: 'custom', message: 'cannot be written to' });
      return z.NEVER;
    });

/** Fields of a person as they are typed. */
export const nameField = text(100);
export const phoneField = orNull((typed) => normalisePhone(typed));
export const emailField = orNull(normaliseEmail);
