import type { AnnouncementRecord, Suggestion } from '../../pipeline/announcement-store.ts';
import type { ApproverCall } from '../../pipeline/call-store.ts';
import type { Preview } from '../../pipeline/preview.ts';
import type { Typed } from './forms.ts';
import type { View } from './view.ts';

/** What was just done, by how the address says it. */
export const DONE = {
  look: 'lookDone',
  suggested: 'suggestedDone',
  accepted: 'acceptedDone',
  declined: 'declinedDone',
} as const;

/** Everything that the page on which one approves is drawn from. */
export interface ApproveProps {
  readonly view: View;
  /** The announcement's own address. */
  readonly page: string;
  readonly record: AnnouncementRecord;
  readonly superseded: AnnouncementRecord | null;
  readonly preview: Preview;
  readonly authors: readonly string[];
  readonly nameOf: (id: number | null) => string;
  /** A field's label, by locale and name. */
  readonly labelOf: (locale: string, field: string) => string;
  readonly listName: (list: 'topics' | 'districts', code: string) => string;
  readonly calls: readonly ApproverCall[];
  readonly suggestions: readonly Suggestion[];
  readonly userId: number;
  /** What was just done. */
  readonly done?: keyof typeof DONE | undefined;
  /** Whether the visitor may approve it, wrote part of it, or has no such role. */
  readonly may: 'yes' | 'own' | 'not';
  /** It would really go out. */
  readonly live: boolean;
  readonly price: { readonly perSegment: number; readonly currency: string } | undefined;
  readonly now: Date;
  readonly typed: Typed;
  /** It was changed between looking at it and approving it. */
  readonly changed: boolean;
}
