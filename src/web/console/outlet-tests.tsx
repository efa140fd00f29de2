import type { EndpointTest } from '../../pipeline/outlet-store.ts';
import { Act } from './components/form.tsx';
import { Badge, Empty } from './components/notice.tsx';
import { Section, Table } from './components/table.tsx';
import { number, Time } from './format.tsx';
import { Fragment, h, type Markup } from './jsx.ts';
import type { View } from './view.ts';
import { outlets as words } from './words/outlets.ts';
import { reasonFor } from './words/reasons.ts';

const Answer = ({ view, test }: { readonly view: View; readonly test: EndpointTest }): Markup => {
  const { status, error } = test;
  const code = error ?? (status === null ? 'TIMEOUT' : `HTTP ${status}`);
  const good = status !== null && status >= 200 && status < 300;
  return (
    <Fragment>
      <Badge tone={good ? 'good' : 'danger'}>{status === null ? words[view.locale].noAnswer : code}</Badge>{' '}
      {!good && reasonFor(view.locale, 'webhook', code).why}
    </Fragment>
  );
};

/** Tests of an outlet's address, and how to make one. */
export const OutletTests = (props: {
  readonly view: View;
  readonly tests: readonly EndpointTest[];
  readonly nameOf: (id: number | null) => string;
  readonly mayChange: boolean;
  readonly page: string;
}): Markup => {
  const { view, tests, nameOf, mayChange, page } = props;
  const t = words[view.locale];
  return (
    <Section
      id="test"
      title={t.test}
      intro={t.testIntro}
      aside={
        mayChange && (
          <Act view={view} action={`${page}/test`}>
            {t.testNow}
          </Act>
        )
      }
    >
      {tests.length === 0 ? (
        <Empty title={t.noTests} />
      ) : (
        <Table
          caption={t.test}
          columns={[{ label: t.at }, { label: t.answer }, { label: t.ms, numeric: true }, { label: t.who }]}
          rows={tests.map((test) => [
            <Time view={view} at={test.at} />,
            <Answer view={view} test={test} />,
            test.ms === null ? '—' : `${number(view, test.ms)} ms`,
            nameOf(test.userId),
          ])}
        />
      )}
    </Section>
  );
};
