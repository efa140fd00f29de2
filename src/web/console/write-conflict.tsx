import { diffWords } from 'diff';
import { Button, ButtonLink, Form } from './components/form.tsx';
import { Notice } from './components/notice.tsx';
import { Section, Table } from './components/table.tsx';
import { type DraftForm, fieldName, reasonName } from './draft-form.ts';
import { timeOfDay } from './format.tsx';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import type { View } from './view.ts';
import { announcements } from './words/announcements.ts';
import { write } from './words/write.ts';
import { fieldLabel } from './write-fields.tsx';
import type { Sketch } from './writing.ts';

interface ConflictProps {
  readonly view: View;
  readonly id: string;
  /** Of what is saved: whoever replaces it has seen it. */
  readonly version: string;
  readonly mine: DraftForm;
  readonly theirs: DraftForm;
  readonly template: Sketch['template'];
  readonly name: string;
  readonly at: Date;
  /** The visitor saved it themselves, on another page. */
  readonly own: boolean;
}

/** Two people changed one draft: both versions, and the choice between them. Nothing was overwritten. */
export const ConflictPage = (props: ConflictProps): Markup => {
  const { view, id, version, mine, theirs, template, name, at, own } = props;
  const t = write[view.locale];
  const a = announcements[view.locale];
  const [saved, written] = [flat(theirs), flat(mine)];
  const names = [...new Set([...saved.keys(), ...written.keys()])].filter(
    (field) => (saved.get(field) ?? '') !== (written.get(field) ?? ''),
  );
  const page = `/console/announcements/${id}`;
  return (
    <Page
      view={view}
      title={t.conflictTitle}
      place="announcements"
      trail={[
        ['/console/announcements', a.title],
        [page, theirs.caseReference],
      ]}
    >
      <Notice kind="warning">
        {own
          ? t.conflictOwn(timeOfDay(view, at))
          : `${t.conflictText(name, timeOfDay(view, at))} ${t.mineHint}`}
      </Notice>
      <Section id="differences" title={t.conflictDiff}>
        <Table
          caption={t.conflictDiff}
          columns={[{ label: t.where }, { label: t.theirVersion(name) }, { label: t.myVersion }]}
          rows={names.map((field) => {
            const language = field.split('.')[1];
            const [before, after] = [saved.get(field) ?? '', written.get(field) ?? ''];
            return [
              fieldLabel(view, template, field),
              <Side before={before} after={after} side="removed" lang={language} label={t.removed} />,
              <Side before={before} after={after} side="added" lang={language} label={t.added} />,
            ];
          })}
        />
      </Section>
      <Form view={view} action="/console/announcements/save" class="decision">
        <input type="hidden" name="id" value={id} />
        <input type="hidden" name="version" value={version} />
        {hidden(mine).map(([field, value]) => (
          <input type="hidden" name={field} value={value} />
        ))}
        <ButtonLink href={`${page}/edit`}>{t.theirs}</ButtonLink>
        <Button look="plain" formaction="/console/announcements/preview">
          {t.goOnWithMine}
        </Button>
        <Button name="act" value="save">
          {t.mine}
        </Button>
      </Form>
    </Page>
  );
};

const Side = ({
  before,
  after,
  side,
  lang,
  label,
}: {
  readonly before: string;
  readonly after: string;
  readonly side: 'added' | 'removed';
  readonly lang: string | undefined;
  readonly label: string;
}): Markup => {
  const intlSegmenter = new Intl.Segmenter(lang, { granularity: 'word' });
  const changes = diffWords(before, after, { intlSegmenter });
  const Mark = side === 'added' ? 'ins' : 'del';
  return (
    <p class="diff written" lang={lang}>
      {changes
        .filter((change) => change[side] || !(change.added || change.removed))
        .map((change) =>
          change[side] ? (
            <Mark>
              <span class="visually-hidden">{label} </span>
              {change.value}
            </Mark>
          ) : (
            change.value
          ),
        )}
    </p>
  );
};

/** A form as it is sent. */
const hidden = (form: DraftForm): readonly (readonly [name: string, value: string])[] => [
  ...(
    [
      'caseReference',
      'caseTitle',
      'kind',
      'supersedes',
      'urgency',
      'mode',
      'template',
      'scheduledAt',
      'expiresAt',
      'basis',
    ] as const
  ).map((name) => [name, form[name]] as const),
  ...(['channels', 'topics', 'districts'] as const).flatMap((name) =>
    form[name].map((one) => [name, one] as const),
  ),
  ...Object.entries(form.content).flatMap(([locale, fields]) =>
    Object.entries(fields).map(([field, text]) => [fieldName(locale, field), text] as const),
  ),
  ...Object.entries(form.reasons).map(([key, reason]) => [reasonName(key), reason] as const),
];

/** To compare by: what comes more than once is one. */
function flat(form: DraftForm): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of hidden(form)) {
    const known = all.get(name);
    all.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return all;
}
