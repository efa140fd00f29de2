import { type Command, Option } from 'commander';
import type { App } from '../app.ts';
import type { Actor, AnnouncementRecord } from '../pipeline/announcement-store.ts';
import { actor, type Context } from './context.ts';
import { type Printing, print } from './output.ts';

interface ActOptions extends Printing {
  readonly user: string;
  readonly reason?: string;
  readonly sha256?: string;
}

interface Act {
  readonly name: string;
  readonly description: string;
  readonly options: readonly Option[];
  readonly run: (
    announce: App['announce'],
    id: number,
    by: Actor,
    options: ActOptions,
  ) => Promise<AnnouncementRecord>;
}

const reason = () => new Option('--reason <text>', 'why; on record');
const sha256 = () =>
  new Option('--sha256 <hex>', 'of the revision that you looked at: refused when another one would be sent');
const mustSayWhy = () => reason().makeOptionMandatory();

/** The acts of the press office. Who may do what in which state is decided in src/pipeline/announce.ts. */
const ACTS: readonly Act[] = [
  {
    name: 'submit',
    description: 'ask for approval; freezes content and templates',
    options: [],
    run: (announce, id, by) => announce.submit(id, by),
  },
  {
    name: 'look',
    description: 'say that one looks at it: the next approver is not called for a quarter of an hour',
    options: [],
    run: (announce, id, by) => announce.look(id, by),
  },
  {
    name: 'approve',
    description: 'approve, as somebody who wrote none of it: sending starts, or is scheduled',
    options: [sha256()],
    run: (announce, id, by, options) => announce.approve(id, by, { sha256: options.sha256 }),
  },
  {
    name: 'break-glass',
    description: 'approve what one wrote part of, as an admin whom no approver answers; marked for ever',
    options: [sha256(), mustSayWhy()],
    run: (announce, id, by, options) =>
      announce.approve(id, by, { sha256: options.sha256, breakGlass: options.reason ?? '' }),
  },
  {
    name: 'return',
    description: 'back to the author',
    options: [mustSayWhy()],
    run: (announce, id, by, options) => announce.returnToAuthor(id, by, options.reason ?? ''),
  },
  {
    name: 'reject',
    description: 'refuse for good',
    options: [mustSayWhy()],
    run: (announce, id, by, options) => announce.reject(id, by, options.reason ?? ''),
  },
  {
    name: 'pause',
    description: 'stop sending for the time being',
    options: [reason()],
    run: (announce, id, by, options) => announce.pause(id, by, options.reason),
  },
  {
    name: 'resume',
    description: 'go on; nobody is written to twice',
    options: [],
    run: (announce, id, by) => announce.resume(id, by),
  },
  {
    name: 'cancel',
    description: 'stop for good; what a provider has taken already cannot be recalled',
    options: [reason()],
    run: (announce, id, by, options) => announce.cancel(id, by, options.reason),
  },
];

export function register(program: Command, { io, withApp }: Context): void {
  for (const act of ACTS) {
    const command = program
      .command(`${act.name} <id>`)
      .description(act.description)
      .requiredOption('--user <id>', 'who does it')
      .option('--json', 'print {id, state, sha256}');
    for (const option of act.options) command.addOption(option);
    command.action(async (id: string, options: ActOptions) => {
      const { state, sha256, scheduledAt } = await withApp(async (app) =>
        act.run(app.announce, app.ids.decode('announcement', id).id, await actor(app, options.user), options),
      );
      const due = state === 'approved' && scheduledAt ? `, scheduled for ${scheduledAt.toISOString()}` : '';
      print(
        io,
        options,
        { id, state, sha256, scheduledAt },
        `${id} is ${state}${due}${act.name === 'submit' ? `\nsha256 ${sha256}` : ''}`,
      );
    });
  }
}
