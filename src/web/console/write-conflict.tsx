import { diffWords } from 'diff';
import { Button, ButtonLink, Form } from './components/form.tsx';
import { Notice } from './components/notice.tsx';
import { Section, Table } from './components/table.tsx';
import type { DraftForm } from './draft-form.ts';
import { differences, fieldsIn } from './draft-merge.ts';
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

/** Under which a field's choice is sent. */
export const pickName = (field: string): string => `pick.${field}`;

/** Two people changed one draft: both versions, and the choice between them, field by field. Nothing was overwritten. */
export const ConflictPage = (props: ConflictProps): Markup => {
  const { view, id, version, mine, theirs, template, name, at, own } = props;
  const t = write[view.locale];
  const a = announcements[view.locale];
  const page = `/console/announcements/${id}`;
  const versions = [t.theirVersion(name), t.myVersion] as const;
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
      <Form view={view} action="/console/announcements/save">
        <input type="hidden" name="id" value={id} />
        <input type="hidden" name="version" value={version} />
        {fieldsIn(mine).map(([field, value]) => (
          <input type="hidden" name={field} value={value} />
        ))}
        <Section id="differences" title={t.conflictDiff}>
          <Table
            caption={t.conflictDiff}
            columns={[{ label: t.where }, ...versions.map((label) => ({ label }))]}
            rows={differences(theirs, mine).map((field) => {
              const label = fieldLabel(view, template, field.name);
              return [
                label,
                ...(['theirs', 'mine'] as const).map((side, i) => (
                  <Side view={view} {...field} side={side} label={`${label}: ${versions[i]}`} />
                )),
              ];
            })}
          />
        </Section>
        <div class="decision">
          <ButtonLink href={`${page}/edit`}>{t.theirs}</ButtonLink>
          <Button look="plain" formaction="/console/announcements/preview">
            {t.goOnWithChoice}
          </Button>
          <Button name="act" value="save">
            {t.saveChoice}
          </Button>
        </div>
      </Form>
    </Page>
  );
};

/** One version of a field, to be chosen; what the other has not is marked. */
const Side = (props: {
  readonly view: View;
  readonly name: string;
  readonly texts: readonly [theirs: string, mine: string];
  readonly side: 'theirs' | 'mine';
  readonly label: string;
}): Markup => {
  const { view, name, texts, side, label } = props;
  const t = write[view.locale];
  const lang = name.startsWith('content.') ? name.split('.')[1] : undefined;
  const intlSegmenter = new Intl.Segmenter(lang, { granularity: 'word' });
  const isMine = side === 'mine';
  const Mark = isMine ? 'ins' : 'del';
  return (
    <span class="pick">
      <input type="radio" name={pickName(name)} value={side} checked={isMine} aria-label={label} />
      <span class="diff written" lang={lang}>
        {diffWords(...texts, { intlSegmenter })
          .filter(({ added, removed }) => (isMine ? !removed : !added))
          .map(({ added, removed, value }) =>
            added || removed ? (
              <Mark>
                <span class="visually-hidden" lang={view.locale}>
                  {isMine ? t.added : t.removed}{' '}
                </span>
                {value}
              </Mark>
            ) : (
              value
            ),
          )}
      </span>
    </span>
  );
};
