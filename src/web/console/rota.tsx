import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { actorOf } from '../session.ts';
import type { ConsolePages } from './console-pages.ts';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { h } from './jsx.ts';
import { RotaPage } from './rota-page.tsx';
import { goTo, show, viewOf } from './view.ts';
import { rota as words } from './words/rota.ts';

const HOME = '/console/admin/rota';
const MAY_CHANGE = ['approver', 'admin'];

const date = z.iso.date().refine((day) => day >= '2000-01-01' && day < '2200-01-01');
const query = z.object({
  week: date.optional().catch(undefined),
  done: z.enum(['added', 'removed']).optional().catch(undefined),
});
const local = z
  .string()
  .regex(/^2[01]\d\d-\d\d-\d\dT\d\d:\d\d$/)
  .refine((text) => !Number.isNaN(Date.parse(`${text}Z`)));
const dutyForm = z.object({
  user: z.string().max(64),
  from: local,
  until: local,
  position: z.coerce.number().int().min(1).max(99),
  week: date.optional().catch(undefined),
});
const removeForm = z.object({
  id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER),
  week: date.optional().catch(undefined),
});

/** Which word answers which refusal, and beside which field it stands. */
const REFUSED = {
  'bad-duty': ['until', 'badDuty'],
  'no-such-approver': ['user', 'noSuchApprover'],
} as const;

/** Who is called when. */
export const rotaPages: ConsolePages = (server, app) => {
  const { ids } = app;
  const { rota } = app.administration;
  const page = async (
    request: Parameters<typeof viewOf>[0],
    shown: { readonly week?: string | undefined; readonly done?: 'added' | 'removed' | undefined },
    typed: Typed,
  ) => {
    const [week, approvers] = await Promise.all([rota.week(shown.week), rota.approvers()]);
    const view = viewOf(request, app);
    const mayChange = MAY_CHANGE.includes(view.session?.role ?? '');
    return (
      <RotaPage
        view={view}
        week={week}
        approvers={mayChange ? approvers.map((one) => ({ ...one, id: ids.encode('user', one.id) })) : []}
        mayChange={mayChange}
        typed={typed}
        done={shown.done}
      />
    );
  };
  const back = (week: string | undefined, done: string) =>
    `${HOME}?${new URLSearchParams({ ...(week && { week }), done })}`;

  server.get('/admin/rota', {
    config: { access: 'author' },
    handler: async (request, reply) =>
      show(reply, await page(request, query.parse(request.query), NOTHING_TYPED)),
  });

  server.post('/admin/rota', {
    config: { access: 'approver' },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const { data, typed } = readForm(view, dutyForm, request.body);
      if (!data) return show(reply, await page(request, {}, typed), 422);
      const { user, week, ...duty } = data;
      try {
        const userId = ids.tryDecode('user', user)?.id ?? 0;
        await rota.add({ ...duty, userId }, actorOf(request));
      } catch (error) {
        if (!(error instanceof HeraldError && Object.hasOwn(REFUSED, error.code))) throw error;
        const [field, word] = REFUSED[error.code as keyof typeof REFUSED];
        const again = withError(typed, field, words[view.locale][word]);
        return show(reply, await page(request, { week }, again), 422);
      }
      return goTo(reply, back(week, 'added'));
    },
  });

  server.post('/admin/rota/remove', {
    config: { access: 'approver' },
    handler: async (request, reply) => {
      const { id, week } = removeForm.parse(request.body);
      await rota.remove(id, actorOf(request));
      return goTo(reply, back(week, 'removed'));
    },
  });
};
