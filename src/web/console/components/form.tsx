import type { Typed } from '../forms.ts';
import { type Children, h, type Markup, type PropsWithChildren } from '../jsx.ts';
import type { View } from '../view.ts';
import { common } from '../words/common.ts';
import { problems } from '../words/problems.ts';
import { Notice } from './notice.tsx';

interface FormProps {
  readonly view: View;
  readonly action: string;
  readonly id?: string;
  readonly class?: string;
  readonly typed?: Typed;
  readonly enctype?: 'multipart/form-data';
  readonly autocomplete?: 'off';
  /** Attributes for htmx and scripts. */
  readonly [data: `data-${string}` | `hx-${string}`]: string | undefined;
}

/** A form that posts, with the token without which it is not taken, and a summary of what is wrong in it. */
export const Form = ({ view, action, typed, children, ...rest }: PropsWithChildren<FormProps>): Markup => (
  <form method="post" action={action} novalidate {...rest}>
    <input type="hidden" name="_csrf" value={view.csrf} />
    {typed && Object.keys(typed.errors).length > 0 && (
      <Notice kind="danger" title={problems[view.locale].fixErrors}>
        {typed.errors['']}
      </Notice>
    )}
    {children}
  </form>
);

interface FieldProps {
  readonly view: View;
  readonly name: string;
  readonly label: string;
  readonly hint?: Children;
  readonly typed?: Typed;
  /** What it holds before anybody has typed. */
  readonly value?: string | null;
  readonly type?:
    | 'text'
    | 'password'
    | 'email'
    | 'tel'
    | 'number'
    | 'date'
    | 'time'
    | 'datetime-local'
    | 'search';
  readonly optional?: boolean;
  readonly autocomplete?: string;
  readonly inputmode?: 'numeric' | 'tel' | 'email' | 'text' | 'decimal';
  readonly autofocus?: boolean;
  readonly class?: string;
  readonly maxlength?: number;
}

const describedBy = (name: string, hint: unknown, error: string | undefined) =>
  [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ') || undefined;

/** What surrounds an input: label, hint and error, tied to it for those who cannot see them. */
export const Labelled = ({
  view,
  name,
  label,
  hint,
  typed,
  optional,
  children,
  ...rest
}: PropsWithChildren<Omit<FieldProps, 'value' | 'type'>>): Markup => (
  <div class={['field', typed?.errors[name] && 'field-wrong', rest.class]}>
    <label for={name}>
      {label}
      {optional && <span class="optional"> {common[view.locale].optional}</span>}
    </label>
    {hint && (
      <p class="hint" id={`${name}-hint`}>
        {hint}
      </p>
    )}
    {typed?.errors[name] && (
      <p class="error" id={`${name}-error`}>
        {typed.errors[name]}
      </p>
    )}
    {children}
  </div>
);

export const Field = (props: FieldProps): Markup => {
  const { name, typed, value, hint, type = 'text', optional, ...rest } = props;
  const error = typed?.errors[name];
  return (
    <Labelled {...props}>
      <input
        id={name}
        name={name}
        type={type}
        value={typed?.values[name] ?? value ?? undefined}
        required={!optional}
        aria-describedby={describedBy(name, hint, error)}
        aria-invalid={error ? 'true' : undefined}
        autocomplete={rest.autocomplete}
        inputmode={rest.inputmode}
        autofocus={rest.autofocus}
        maxlength={rest.maxlength}
      />
    </Labelled>
  );
};

export const TextArea = (props: FieldProps & { readonly rows?: number }): Markup => {
  const { name, typed, value, hint, optional, rows = 4 } = props;
  const error = typed?.errors[name];
  return (
    <Labelled {...props}>
      <textarea
        id={name}
        name={name}
        rows={String(rows)}
        required={!optional}
        aria-describedby={describedBy(name, hint, error)}
        aria-invalid={error ? 'true' : undefined}
        maxlength={props.maxlength}
      >
        {typed?.values[name] ?? value ?? ''}
      </textarea>
    </Labelled>
  );
};

export const Select = (
  props: FieldProps & { readonly options: readonly (readonly [value: string, label: string])[] },
): Markup => {
  const { name, typed, value, hint, options } = props;
  const chosen = typed?.values[name] ?? value ?? '';
  const error = typed?.errors[name];
  return (
    <Labelled {...props}>
      <select
        id={name}
        name={name}
        aria-describedby={describedBy(name, hint, error)}
        aria-invalid={error ? 'true' : undefined}
      >
        {options.map(([option, label]) => (
          <option value={option} selected={option === chosen}>
            {label}
          </option>
        ))}
      </select>
    </Labelled>
  );
};

/** Radio buttons or check boxes, in a group with a name. */
export const Choices = (props: {
  readonly name: string;
  readonly legend: string;
  /** Where a heading says the same already. */
  readonly hideLegend?: boolean;
  readonly hint?: string;
  readonly class?: string;
  readonly type: 'radio' | 'checkbox';
  readonly chosen: readonly string[];
  readonly options: readonly (readonly [value: string, label: Children, hint?: Children])[];
  readonly error?: string | undefined;
}): Markup => (
  <fieldset
    class={['choices', props.class, props.error && 'field-wrong']}
    aria-describedby={describedBy(props.name, props.hint, props.error)}
  >
    <legend class={props.hideLegend ? 'visually-hidden' : undefined}>{props.legend}</legend>
    {props.hint && (
      <p class="hint" id={`${props.name}-hint`}>
        {props.hint}
      </p>
    )}
    {props.error && (
      <p class="error" id={`${props.name}-error`}>
        {props.error}
      </p>
    )}
    {props.options.map(([value, label, hint], i) => (
      <div class="choice">
        <input
          type={props.type}
          id={`${props.name}-${i}`}
          name={props.name}
          value={value}
          checked={props.chosen.includes(value)}
          aria-describedby={hint ? `${props.name}-${i}-hint` : undefined}
        />
        <label for={`${props.name}-${i}`}>{label}</label>
        {hint && (
          <p class="hint" id={`${props.name}-${i}-hint`}>
            {hint}
          </p>
        )}
      </div>
    ))}
  </fieldset>
);

type Look = 'primary' | 'plain' | 'danger' | 'quiet';

export const Button = ({
  look = 'primary',
  name,
  value,
  children,
  ...rest
}: PropsWithChildren<{
  readonly look?: Look;
  readonly name?: string;
  readonly value?: string;
  readonly lang?: string;
  readonly 'aria-label'?: string;
  readonly 'aria-pressed'?: 'true' | 'false';
  readonly type?: 'submit' | 'button';
  readonly id?: string;
  readonly hidden?: boolean;
  /** Where this button sends the form, instead of where the others do. */
  readonly formaction?: string;
  /** A form elsewhere on the page that it belongs to. */
  readonly form?: string;
  /** Scripts do what it is for. */
  readonly 'data-without-script'?: boolean;
}>): Markup => (
  <button type="submit" class={`button button-${look}`} name={name} value={value} {...rest}>
    {children}
  </button>
);

/** A link that looks like a button, for going somewhere and never for doing something. */
export const ButtonLink = ({
  href,
  look = 'plain',
  children,
}: PropsWithChildren<{ readonly href: string; readonly look?: Look }>): Markup => (
  <a href={href} class={`button button-${look}`}>
    {children}
  </a>
);

/** A form that is one button. */
export const Act = ({
  view,
  action,
  look = 'plain',
  fields = {},
  label,
  children,
}: PropsWithChildren<{
  readonly view: View;
  readonly action: string;
  readonly look?: Look;
  readonly fields?: Readonly<Record<string, string>>;
  /** For those who cannot see what the button stands beside. */
  readonly label?: string;
}>): Markup => (
  <Form view={view} action={action} class="act">
    {Object.entries(fields).map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
    <Button look={look} {...(label !== undefined && { 'aria-label': label })}>
      {children}
    </Button>
  </Form>
);
