import { describe, expect, test } from 'vitest';
import { Fragment, h, type PropsWithChildren, raw } from '../../../src/web/console/jsx.ts';

const Box = ({ title, children }: PropsWithChildren<{ readonly title: string }>) => (
  <section aria-label={title}>{children}</section>
);

describe('what comes into a page is text', () => {
  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '&lt;b&gt; &amp; "quoted"',
    '</title><script>',
  ])('%s', (text) => {
    const html = String(
      <Box title={text}>
        <p data-text={text}>{text}</p>
        {[text, <b>{text}</b>]}
        <textarea>{text}</textarea>
      </Box>,
    );
    expect(html.match(/<\w+/g)).toEqual(['<section', '<p', '<b', '<textarea']);
    const escaped = String(<p>{text}</p>).slice(3, -4);
    expect(escaped).not.toMatch(/["'<]/);
    expect(html.split(escaped)).toHaveLength(7);
  });

  test('attributes: true stands alone, nothing is left out, lists are joined', () => {
    expect(
      String(<input type="text" required disabled={false} value={undefined} class={['a', false, 'b']} />),
    ).toBe('<input type="text" required class="a b">');
  });

  test('children: numbers are shown, what is nothing is not, markup stays', () => {
    expect(
      String(
        <>
          {0}
          {null}
          {false}
          {''}
          {raw('<hr>')}
          <br />
        </>,
      ),
    ).toBe('0<hr><br>');
  });
});
