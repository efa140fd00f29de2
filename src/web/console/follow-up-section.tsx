import { type AnnouncementState, STOPPABLE } from '../../domain/announcement.ts';
import { Act, Button, ButtonLink, Choices } from './components/form.tsx';
import { Section } from './components/table.tsx';
import { RETRACTION_REASONS } from './follow-up.ts';
import { number } from './format.tsx';
import { h, type Markup } from './jsx.ts';
import type { View } from './view.ts';
import { progress } from './words/progress.ts';
import { write } from './words/write.ts';

/** Messages that can still be stopped, and those that nothing calls back. */
export interface Recall {
  readonly waiting: number;
  readonly beyondRecall: number;
}

/** What can be done after the approval: stop it, in two taps; or say something else, which waits for approval itself. */
export const FollowUp = ({
  view,
  page,
  state,
  recall: { waiting, beyondRecall },
}: {
  readonly view: View;
  readonly page: string;
  readonly state: AnnouncementState;
  readonly recall: Recall;
}): Markup => {
  const t = write[view.locale];
  const p = progress[view.locale];
  const from = page.split('/').at(-1) ?? '';
  const to = (kind: string) => `/console/announcements/new?${new URLSearchParams({ from, kind })}`;
  const gone = number(view, beyondRecall);
  return (
    <Section id="follow-up" title={t.followTitle} intro={`${t.followIntro} ${t.beyondRecall(gone)}`}>
      <div class="actions">
        {STOPPABLE.includes(state) && view.session?.role !== 'author' && (
          <details class="confirm">
            <summary class="button button-danger">{p.stop}</summary>
            <div>
              <p>{p.stopConfirm(number(view, waiting), gone)}</p>
              <Act view={view} action={`${page}/cancel`} look="danger">
                {p.stopNow}
              </Act>
            </div>
          </details>
        )}
        <ButtonLink href={to('correction')}>{t.correctIt}</ButtonLink>
        <ButtonLink href={to('update')}>{t.updateIt}</ButtonLink>
        <details class="confirm">
          <summary class="button button-plain">{t.retractIt}</summary>
          <form method="get" action="/console/announcements/new">
            <input type="hidden" name="from" value={from} />
            <input type="hidden" name="kind" value="retraction" />
            <Choices
              name="reason"
              type="radio"
              legend={t.retractWhy}
              hint={t.retractHint}
              chosen={['facts']}
              options={RETRACTION_REASONS.map((reason) => [reason, t[`why-${reason}`]])}
            />
            <Button>{t.retractNow}</Button>
          </form>
        </details>
      </div>
    </Section>
  );
};
