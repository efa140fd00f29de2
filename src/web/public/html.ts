/** Text that is HTML already. */
export class Html {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** HTML from a template literal: whatever is put in is escaped, unless it is `Html` itself. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html {
  const escaped = (value: (typeof values)[number]): string => {
    if (value instanceof Html) return value.toString();
    if (typeof value === 'object') return value.map((part) => part.toString()).join('');
    return String(value).replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
  };
  return new Html(strings.reduce((out, part, i) => `${out}${escaped(values[i - 1] ?? '')}${part}`));
}

/** A whole page; in trial mode it says so, whatever else it says. */
export function page(options: {
  readonly title: string;
  readonly lang: string;
  readonly mode: 'trial' | 'live';
  readonly body: Html;
}): string {
  const trial =
    options.mode === 'trial'
      ? html`<header class="trial"><strong>试运行 · trial</strong> 所有消息只发往沙箱。<span lang="en">Everything goes to the sandbox; nobody is written to.</span></header>`
      : '';
  return `<!doctype html>\n${html`<html lang="${options.lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${options.title}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
${trial}
<main>
${options.body}
</main>
</body>
</html>`}\n`;
}

export const STYLE = `:root { color-scheme: light dark; }
body { font: 1.125rem/1.6 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; margin: 0; background: Canvas; color: CanvasText; }
main { max-width: 38rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.3; }
.trial { margin: 0; padding: .5rem 1.5rem; background: #ffd24d; color: #1a1400; }
button { font: inherit; padding: .75rem 1.5rem; border: 2px solid #b00020; border-radius: .5rem; background: #b00020; color: #fff; cursor: pointer; }
input { font: inherit; box-sizing: border-box; width: 100%; max-width: 22rem; padding: .75rem 1rem; border: 2px solid #6b7683; border-radius: .5rem; background: Canvas; color: CanvasText; }
label { font-weight: 600; }
.error { color: light-dark(#b00020, #ff8a80); font-weight: 600; }
form p { margin: .5rem 0; }
button:focus-visible, a:focus-visible, input:focus-visible { outline: 3px solid #1f6feb; outline-offset: 2px; }
dt { font-weight: 600; }
`;
