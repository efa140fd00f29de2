import { HeraldError, type Issue } from '../domain/errors.ts';

/** One error for all that is wrong with a template. */
export function templateError(name: string, issues: readonly Issue[]): HeraldError {
  const [first] = issues;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return new HeraldError(
    'invalid',
    'template-error',
    `template ${name} cannot be used: ${first?.path}: ${first?.message}${more}`,
    { issues, fix: 'docs/templates.md lists the variables, blocks and helpers' },
  );
}
