import type { Draft } from '../../domain/announcement.ts';
import type { ReasonedFinding } from '../../domain/privacy-lint.ts';
import type { Preview } from '../../pipeline/preview.ts';
import type { DraftForm, FormErrors, FormTemplate } from './draft-form.ts';
import type { View } from './view.ts';

/** What the form offers to choose from. */
export interface WriteChoices {
  readonly templates: readonly FormTemplate[];
  readonly cases: readonly { readonly reference: string; readonly title: string }[];
  /** Opaque id and what it is called. */
  readonly superseded: readonly (readonly [id: string, label: string])[];
  readonly topics: readonly (readonly [code: string, name: string])[];
  readonly districts: readonly (readonly [code: string, name: string])[];
}

/** What is written so far, and what would become of it. */
export interface Sketch {
  readonly view: View;
  /** Opaque; nothing while it was never saved. */
  readonly id: string;
  /** The one that was gone on from; see `versionOf`. */
  readonly version: string;
  readonly form: DraftForm;
  readonly template: FormTemplate;
  readonly defaultLocale: string;
  readonly errors: FormErrors;
  readonly findings: readonly ReasonedFinding[];
  /** Undefined when it cannot be shown yet. */
  readonly preview: Preview | undefined;
  /** Why it cannot be shown: it does not go by any channel yet, or something in it is wrong. */
  readonly noPreview: 'waits' | 'refused' | undefined;
  /** What it supersedes: who may have read that, who else gets this one, and how many messages nothing calls back. */
  readonly follows:
    | { readonly readers: number; readonly others: number; readonly beyondRecall: number }
    | undefined;
  readonly price: { readonly perSegment: number; readonly currency: string } | undefined;
  readonly now: Date;
}

/** The whole page. */
export interface Writing extends Sketch {
  readonly choices: WriteChoices;
  /** As it is saved: what is shown in frames comes from there. */
  readonly saved: Draft | undefined;
  /** Who else has changed it just now. */
  readonly other: { readonly name: string; readonly secondsAgo: number } | undefined;
  readonly notice:
    | { readonly kind: 'good' | 'info' | 'warning' | 'danger'; readonly text: string }
    | undefined;
  /** An approver who wrote none of it so far: what they change here, they may no longer approve. */
  readonly costsApproval: boolean;
  /** Why an approver sent it back. */
  readonly returned: string | undefined;
  /** Asked to be submitted: what is missing is marked. */
  readonly checked: boolean;
}
