import { expect, it } from 'vitest';
import { HeraldError } from '../../src/domain/errors.ts';

it('says what happened, to which thing and what to do, and keeps what caused it', () => {
  const cause = new Error('ECONNREFUSED');
  const issues = [{ path: 'expiresAt', message: 'lies in the past' }];
  const error = new HeraldError('unavailable', 'away', 'it is away', { fix: 'start it', issues, cause });
  expect(error).toMatchObject({
    name: 'HeraldError',
    kind: 'unavailable',
    code: 'away',
    message: 'it is away',
    fix: 'start it',
    issues,
    cause,
  });
});

it('without more to say it says no more', () => {
  const error = new HeraldError('invalid', 'wrong', 'it is wrong');
  expect([error.fix, error.issues, 'cause' in error]).toEqual(['', [], false]);
});
