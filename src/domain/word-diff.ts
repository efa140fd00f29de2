/** A stretch of two texts: in both, or in one of them. */
export interface DiffPart {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** Words of alphabets, runs of blanks, and every other character by itself: Chinese has no spaces. */
const WORDS = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Nd}\p{M}'’]+|\s+|[\s\S]/gu;
/** Above it, the middle of the texts counts as replaced: a table of more cells would take too long. */
const MOST_CELLS = 4_000_000;

/**
 * What became of a text, word by word (the longest common subsequence). The parts that are not `added` are the old text, those
 * that are not `removed` the new one.
 */
export function wordDiff(before: string, after: string): readonly DiffPart[] {
  const [a, b] = [before.match(WORDS) ?? [], after.match(WORDS) ?? []];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const middle = between(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return joined([...a.slice(0, start).map(same), ...middle, ...a.slice(a.length - end).map(same)]);
}

const same = (text: string): DiffPart => ({ kind: 'same', text });

function between(a: readonly string[], b: readonly string[]): readonly DiffPart[] {
  const removed = (text: string): DiffPart => ({ kind: 'removed', text });
  const added = (text: string): DiffPart => ({ kind: 'added', text });
  if (a.length * b.length > MOST_CELLS) return [...a.map(removed), ...b.map(added)];
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const parts: DiffPart[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [from, to] = [a[i], b[j]];
    if (from !== undefined && from === to) {
      parts.push(same(from));
      i += 1;
      j += 1;
    } else if (to === undefined || (from !== undefined && at(i + 1, j) >= at(i, j + 1))) {
      parts.push(removed(from ?? ''));
      i += 1;
    } else {
      parts.push(added(to));
      j += 1;
    }
  }
  return parts;
}

function joined(parts: readonly DiffPart[]): readonly DiffPart[] {
  const whole: DiffPart[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (last?.kind === part.kind) whole[whole.length - 1] = { ...last, text: last.text + part.text };
    else whole.push(part);
  }
  return whole;
}
