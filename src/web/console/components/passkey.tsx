import { h, type Markup, type PropsWithChildren } from '../jsx.ts';
import type { View } from '../view.ts';
import { signIn } from '../words/sign-in.ts';
import { Button, Form } from './form.tsx';

/**
 * A form whose `answer` the browser's passkey fills in (assets/passkey.js); its button is hidden until the script has
 * found that the browser can. Pages with it need the scripts `webauthn.js` and `passkey.js`.
 * @param ask where the question comes from @param create whether a passkey is made rather than used
 */
export const PasskeyForm = ({
  view,
  action,
  ask,
  label,
  create,
  children,
  next,
}: PropsWithChildren<{
  readonly view: View;
  readonly action: string;
  readonly ask: string;
  readonly label: string;
  readonly create?: boolean;
  readonly next?: string;
}>): Markup => {
  const t = signIn[view.locale];
  return (
    <Form
      view={view}
      action={action}
      class="passkey"
      data-passkey={create ? 'create' : 'get'}
      data-ask={ask}
      data-failed={t.passkeyFailed}
    >
      <input type="hidden" name="answer" />
      {next && <input type="hidden" name="next" value={next} />}
      {children}
      <Button look="plain" hidden>
        {label}
      </Button>
      <p class="error" role="alert" hidden />
      <noscript>
        <p class="hint">{t.passkeyNeedsScript}</p>
      </noscript>
    </Form>
  );
};
