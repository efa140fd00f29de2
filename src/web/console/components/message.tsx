import { type Segments, splitSms } from '../../../domain/segments.ts';
import { number } from '../format.tsx';
import { Fragment, h, type Markup } from '../jsx.ts';
import type { View } from '../view.ts';
import { message } from '../words/message.ts';

/** An SMS as a handset shows it, and how it is cut for the air. */
export const Sms = ({
  view,
  sms,
}: {
  readonly view: View;
  readonly sms: { readonly body: string; readonly segments: Segments };
}): Markup => {
  const t = message[view.locale];
  const { body, segments } = sms;
  const parts = splitSms(body);
  return (
    <figure class="handset">
      {/* Read as one text; where it is cut is drawn between its parts. */}
      <div class="bubble">
        {parts.map((part, i) => (
          <>
            {i > 0 && <span class="cut" title={t.cut} />}
            {part}
          </>
        ))}
      </div>
      <figcaption class="hint">
        {t.parts(number(view, segments.count), segments.encoding, number(view, segments.units))}
      </figcaption>
    </figure>
  );
};

/** A mail as its reader sees it, in a frame that runs nothing, and as plain text. @param src where its HTML is */
export const Mail = ({
  view,
  mail,
  src,
}: {
  readonly view: View;
  readonly mail: { readonly subject: string; readonly text: string };
  readonly src: string;
}): Markup => {
  const t = message[view.locale];
  return (
    <div class="mail">
      <p>
        <span class="hint">{t.subject}</span> <b>{mail.subject}</b>
      </p>
      <iframe src={src} title={t.html} sandbox="" />
      <details>
        <summary>{t.plain}</summary>
        <pre class="message">{mail.text}</pre>
      </details>
    </div>
  );
};

/** A webhook's body, laid out for people. */
export const Json = ({ value }: { readonly value: unknown }): Markup => (
  <pre class="message" tabindex={0}>
    {JSON.stringify(value, null, 2)}
  </pre>
);
