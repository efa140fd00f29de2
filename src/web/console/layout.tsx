import { asset } from './assets.ts';
import { Act, Button, Form } from './components/form.tsx';
import { Icon, type IconName, Mark } from './components/icons.tsx';
import { type Children, h, type Markup, type PropsWithChildren } from './jsx.ts';
import type { View } from './view.ts';
import { common } from './words/common.ts';

/** Nothing that htmx would bring with it needs what the content-security policy refuses; what a form is refused for (4xx) is shown as well. */
const HTMX = JSON.stringify({
  includeIndicatorStyles: false,
  allowEval: false,
  allowScriptTags: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
  responseHandling: [
    { code: '204', swap: false },
    { code: '...', swap: true },
  ],
});

const NAVIGATION = [
  ['home', '/console'],
  ['announcements', '/console/announcements'],
  ['subscribers', '/console/subscribers'],
  ['outlets', '/console/outlets'],
  ['admin', '/console/admin'],
] as const satisfies readonly (readonly [IconName, string])[];
/** Where a page belongs; `account` stands beside the person's name. */
export type Place = (typeof NAVIGATION)[number][0] | 'account' | 'none';

export interface PageProps {
  readonly view: View;
  readonly title: string;
  readonly place: Place;
  /** Scripts beside those that every page has. */
  readonly scripts?: readonly ('passkey.js' | 'webauthn.js' | 'sse.js' | 'write.js')[];
  /** Beside the heading: the one thing that is mostly done here. */
  readonly actions?: Children;
  /** Above the heading: the pages that this one is below of. */
  readonly trail?: readonly (readonly [href: string, label: string])[];
  /** Drawn in a narrow column, for forms. */
  readonly narrow?: boolean;
  /** Two columns side by side: takes all the width that there is. */
  readonly wide?: boolean;
}

/** A whole page of the console: signed in with navigation; otherwise a card in the middle. */
export const Page = (props: PropsWithChildren<PageProps>): Markup => {
  const { view, title, children } = props;
  const t = common[view.locale];
  return (
    <html lang={view.locale} data-theme={view.theme ?? undefined} class={view.isIn ? 'in' : 'out'}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content={view.theme ?? 'light dark'} />
        <meta name="htmx-config" content={HTMX} />
        <title>{`${title} · Herald`}</title>
        <link rel="icon" href={asset('favicon.svg')} type="image/svg+xml" />
        <link rel="stylesheet" href={asset('console.css')} />
        <script src={asset('htmx.js')} defer />
        {props.scripts?.map((name) => (
          <script src={asset(name)} defer />
        ))}
        <script src={asset('console.js')} defer />
      </head>
      <body hx-headers={JSON.stringify({ 'x-csrf-token': view.csrf })}>
        <a class="skip" href="#main">
          {t.skip}
        </a>
        <ModeBar view={view} />
        {view.isIn && <Navigation {...props} />}
        <div class="page">
          <main
            id="main"
            class={props.narrow || !view.isIn ? 'narrow' : props.wide ? 'wide' : undefined}
            tabindex={-1}
          >
            {!view.isIn && <Wordmark view={view} />}
            <div class={view.isIn ? undefined : 'card'}>
              {props.trail && <Trail trail={props.trail} label={t.back} />}
              <div class="page-head">
                <h1>{title}</h1>
                {props.actions && <div class="actions">{props.actions}</div>}
              </div>
              <div id="stale" role="status" />
              <template id="stale-notice">
                <p class="notice notice-warning">
                  {t.stale} <a href={view.url}>{t.again}</a>
                </p>
              </template>
              {children}
            </div>
          </main>
          <Foot view={view} />
        </div>
      </body>
    </html>
  );
};

/** Said on every page: whether what is done here reaches anybody. */
const ModeBar = ({ view: { locale, mode } }: { readonly view: View }): Markup => {
  const t = common[locale];
  return (
    <section class={`mode mode-${mode}`} aria-label={t.mode}>
      <strong>{t[mode]}</strong> {mode === 'trial' ? t.trialMeans : t.liveMeans}
    </section>
  );
};

const Wordmark = ({ view }: { readonly view: View }): Markup => (
  <a class="wordmark" href="/console">
    <Mark />
    <span>
      <b>Herald</b>
      <small>{view.officeName}</small>
    </span>
  </a>
);

const Trail = ({
  trail,
  label,
}: {
  readonly trail: NonNullable<PageProps['trail']>;
  readonly label: string;
}): Markup => (
  <nav class="trail" aria-label={label}>
    <ol>
      {trail.map(([href, name]) => (
        <li>
          <a href={href}>{name}</a>
        </li>
      ))}
    </ol>
  </nav>
);

const Navigation = ({ view, place }: PageProps): Markup => {
  const t = common[view.locale];
  return (
    <header class="side">
      <Wordmark view={view} />
      <nav class="places" aria-label={t.menu}>
        <ul>
          {NAVIGATION.map(([name, href]) => (
            <li>
              <a href={href} aria-current={place === name ? 'page' : undefined}>
                <Icon name={name} />
                {t[name]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="me">
        <a href="/console/account" aria-current={place === 'account' ? 'page' : undefined}>
          <Icon name="account" />
          <span>
            <b>{view.session?.name}</b>
            <small>{t.account}</small>
          </span>
        </a>
        <Act view={view} action="/console/sign-out" look="quiet">
          {t.signOut}
        </Act>
      </div>
    </header>
  );
};

const LANGUAGES = [
  ['zh-CN', '中文'],
  ['en', 'English'],
] as const;

const Foot = ({ view }: { readonly view: View }): Markup => {
  const t = common[view.locale];
  const looks = [
    ['system', t.system],
    ['light', t.light],
    ['dark', t.dark],
  ] as const;
  return (
    <footer class="foot">
      <p>{t.timezone(view.timezone)}</p>
      <Form view={view} action="/console/preferences" class="preferences">
        <input type="hidden" name="next" value={view.url} />
        <fieldset>
          <legend class="visually-hidden">{t.language}</legend>
          {LANGUAGES.map(([value, label]) => (
            <Button
              look="quiet"
              name="locale"
              value={value}
              lang={value}
              aria-pressed={value === view.locale ? 'true' : 'false'}
            >
              {label}
            </Button>
          ))}
        </fieldset>
        <fieldset>
          <legend class="visually-hidden">{t.theme}</legend>
          {looks.map(([value, label]) => (
            <Button
              look="quiet"
              name="theme"
              value={value}
              aria-pressed={value === (view.theme ?? 'system') ? 'true' : 'false'}
            >
              {label}
            </Button>
          ))}
        </fieldset>
      </Form>
    </footer>
  );
};
