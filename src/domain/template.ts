import { z } from 'zod';
import './plain-words.ts';

/** BCP 47 language tag as Herald takes it: `zh-CN`, `en`. */
export const localeSchema = z
  .string()
  .regex(/^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$/, 'not a language tag such as "zh-CN" or "en"');

/** One field that an author fills in; declared by a template's `template.json`. */
export const fieldSpecSchema = z.strictObject({
  name: z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/),
  /** For the form: what the author reads beside it, by locale. */
  label: z.record(localeSchema, z.string()).optional(),
  required: z.boolean(),
  /** Most characters (Unicode code points). */
  maxLength: z.int().min(1).max(20_000),
  /** `url`: a whole http or https URL, and nothing else. Absent: any text. */
  format: z.literal('url').optional(),
});
export type FieldSpec = z.infer<typeof fieldSpecSchema>;

/** `templates/<name>/template.json`. */
export const templateManifestSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  /** What authors choose it by, by locale; its name where there is none. */
  label: z.record(localeSchema, z.string()).optional(),
  description: z.string().optional(),
  /** For single messages only, which have no webhook and nothing to leave. Absent: for announcements only. */
  for: z.literal('message').optional(),
  fields: z.array(fieldSpecSchema).min(1),
});
export type TemplateManifest = z.infer<typeof templateManifestSchema>;

/** The parts of a template in one locale; each is `<part>.hbs`. */
export const TEMPLATE_PARTS = ['sms', 'email.subject', 'email.text', 'email.html', 'webhook'] as const;
export type TemplatePart = (typeof TEMPLATE_PARTS)[number];

/** The parts that a template must have; a part that it has not is empty in its bundle. */
export const partsOf = (manifest: TemplateManifest): readonly TemplatePart[] =>
  manifest.for === 'message' ? TEMPLATE_PARTS.filter((part) => part !== 'webhook') : TEMPLATE_PARTS;

/**
 * Everything that a revision is rendered with, frozen at submission: sources, partials, signature, the office's name.
 * Editing a template file afterwards changes nothing that was submitted.
 */
export interface TemplateBundle {
  readonly manifest: TemplateManifest;
  readonly locales: Readonly<Record<string, Readonly<Record<TemplatePart, string>>>>;
  readonly partials: Readonly<Record<string, string>>;
  /** Used where a recipient's language is missing. */
  readonly defaultLocale: string;
  /** What stands before an SMS (`【滨江公安】`), by locale; may be empty. */
  readonly signature: Readonly<Record<string, string>>;
  /** As messages name it. */
  readonly officeName: string;
}

/** What an installation adds to its templates. */
export type OfficeStyle = Pick<TemplateBundle, 'defaultLocale' | 'signature' | 'officeName'>;

/** What an author wrote: locale → field → text. */
export type Content = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The announcement as templates see it: the same for every recipient of a locale. */
export interface RenderContext {
  readonly announcement: {
    /** Opaque id. */
    readonly id: string;
    readonly kind: string;
    readonly urgency: string;
    readonly exercise: boolean;
    /** Opaque id of the superseded announcement. */
    readonly supersedes: string | null;
  };
  readonly case: { readonly reference: string; readonly title: string };
  readonly office: { readonly name: string };
  /** The fields, by locale; all that the manifest declares, absent optional ones as `''`. */
  readonly content: Content;
}
