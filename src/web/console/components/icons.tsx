import { h, type Markup } from '../jsx.ts';

/** Drawn on 24 × 24 with a stroke of 1.75; decoration only, the words are beside them. */
const PATHS = {
  home: 'M4 11.5 12 5l8 6.5V19a1 1 0 0 1-1 1h-4.5v-5.5h-5V20H5a1 1 0 0 1-1-1z',
  announcements: 'M4 10v4a1 1 0 0 0 1 1h3l7 4V5L8 9H5a1 1 0 0 0-1 1zM18.5 9a4 4 0 0 1 0 6M8.5 15.5 10 20',
  subscribers:
    'M9 11a3.25 3.25 0 1 0 0-6.5A3.25 3.25 0 0 0 9 11zM3 19.5c.4-3.3 2.8-5.25 6-5.25s5.6 1.95 6 5.25M16 5a3 3 0 0 1 0 5.7M17.5 14.6c2 .7 3.2 2.4 3.5 4.9',
  outlets:
    'M5 5h11v14H6a2 2 0 0 1-2-2V6a1 1 0 0 1 1-1zM16 9h3a1 1 0 0 1 1 1v7a2 2 0 0 1-2 2h-2M7.5 9h5M7.5 12.5h5M7.5 16h3',
  admin: 'M4 7h9M17 7h3M4 12h3M11 12h9M4 17h7M15 17h5M15 5v4M9 10v4M13 15v4',
  account: 'M12 12a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5zM5 20c.6-3.6 3.3-5.75 7-5.75s6.4 2.15 7 5.75',
} as const;
export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { readonly name: IconName }): Markup => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);

/** Herald's own: a pennant on a staff, whose fly is three lines of text. */
export const Mark = (): Markup => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <path class="mark-staff" d="M8 4v24" />
    <path class="mark-cloth" d="M8 5.5h17l-5 5.75 5 5.75H8z" />
    <path class="mark-lines" d="M13 22h11M13 27h7" />
  </svg>
);
