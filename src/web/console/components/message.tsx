import { firstNonGsm, type Segments, splitSms } from '../../../domain/segments.ts';
import { money, number } from '../format.tsx';
import { Fragment, h, type Markup } from '../jsx.ts';
import type { View } from '../view.ts';
import { message } from '../words/message.ts';

/** So much of a text in another script is its script, and no slip. */
const SLIP_SHARE = 0.2;

/** An SMS as a handset shows it, and how it is cut for the air. @param props.marks says what makes it dearer, and what it costs */
export const Sms = ({
  view,
  sms,
  lang,
  price,
  marks = false,
}: {
  readonly view: View;
  readonly sms: { readonly body: string; readonly segments: Segments };
  readonly lang?: string;
  readonly price?: { readonly perSegment: number; readonly currency: string } | undefined;
  readonly marks?: boolean;
}): Markup => {
  const t = message[view.locale];
  const { body, segments } = sms;
  const parts = splitSms(body);
  const dear = marks ? slipOf(body) : undefined;
  let from = 0;
  return (
    <figure class="handset">
      {/* Read as one text; where it is cut is drawn between its parts. */}
      <div class="bubble" lang={lang}>
        {parts.map((part, i) => {
          const at = dear === undefined ? -1 : dear.index - from;
          const here = dear !== undefined && at >= 0 && at < part.length;
          from += part.length;
          return (
            <>
              {i > 0 && <span class="cut" title={t.cut} data-part={`${i + 1}/${parts.length}`} />}
              {here ? (
                <>
                  {part.slice(0, at)}
                  <mark>{dear.char}</mark>
                  {part.slice(at + dear.char.length)}
                </>
              ) : (
                part
              )}
            </>
          );
        })}
      </div>
      <figcaption class="hint">
        {t.parts(number(view, segments.count), segments.encoding, number(view, segments.units))}
        {price && ` · ${t.each(money(view, segments.count * price.perSegment, price.currency))}`}
      </figcaption>
      {dear && (
        <p class="slip">{t.forces(dear.char, number(view, [...body.slice(0, dear.index)].length + 1))}</p>
      )}
    </figure>
  );
};

/** The first character that makes a text dearer which would be GSM-7 but for a few. */
function slipOf(body: string): ReturnType<typeof firstNonGsm> {
  const others = [...body].filter((char) => firstNonGsm(char) !== undefined).length;
  return others > 0 && others < [...body].length * SLIP_SHARE ? firstNonGsm(body) : undefined;
}

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
