import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wordDiff } from '../../src/domain/word-diff.ts';

test('what was changed is told word by word, and in Chinese character by character', () => {
  expect(wordDiff('The car was red.', 'The van was red.')).toEqual([
    { kind: 'same', text: 'The ' },
    { kind: 'removed', text: 'car' },
    { kind: 'added', text: 'van' },
    { kind: 'same', text: ' was red.' },
  ]);
  expect(wordDiff('警方已立案', '警方现已立案')).toEqual([
    { kind: 'same', text: '警方' },
    { kind: 'added', text: '现' },
    { kind: 'same', text: '已立案' },
  ]);
});

test('without what was added it is the old text, without what was removed the new one', () => {
  const text = fc
    .array(fc.constantFrom('a', 'ab', ' ', '警', '方', '😀', '.'))
    .map((words) => words.join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const parts = wordDiff(before, after);
      const without = (kind: string) => parts.flatMap((p) => (p.kind === kind ? [] : [p.text])).join('');
      expect([without('added'), without('removed')]).toEqual([before, after]);
    }),
  );
});

test('two long texts are compared in no time', () => {
  const parts = wordDiff('甲'.repeat(20_000), '乙'.repeat(20_000));
  expect(parts.map(({ kind }) => kind)).toEqual(['removed', 'added']);
});
