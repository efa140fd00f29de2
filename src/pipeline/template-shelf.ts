import { LEAVE_TOKEN_LENGTH } from '../domain/leave-token.ts';
import type { FieldSpec, OfficeStyle } from '../domain/template.ts';
import type { ShowTemplate } from './admin-store.ts';
import type { Renderer, TemplateLibrary } from './ports.ts';

/** Texts of ordinary length for fields that many templates have; of others, their label. */
const SAMPLES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  headline: { zh: '警惕冒充客服的诈骗', en: 'Beware of callers who pose as customer service' },
  summary: {
    zh: '近日有人冒充平台客服，以退款为由要求转账。请立即挂断。',
    en: 'Callers pose as customer service and ask for a transfer to “refund” you. Hang up at once.',
  },
  body: {
    zh: '警方已立案侦查。如已转账，请保留记录并尽快报警。',
    en: 'Police are investigating. If you have transferred money, keep the records and report it.',
  },
  advice: { zh: '不要点击短信里的链接，不要透露验证码。', en: 'Open no links, and tell nobody a code.' },
  hotline: { zh: '96110', en: '96110' },
};

const sampleOf = (field: FieldSpec, locale: string): string => {
  const language = locale.split('-')[0] ?? '';
  const text =
    field.format === 'url'
      ? 'https://herald.example/console'
      : (SAMPLES[field.name]?.[language] ?? field.label?.[locale] ?? field.name);
  return [...text].slice(0, field.maxLength).join('');
};

export interface TemplateShelfDeps {
  readonly templates: TemplateLibrary;
  readonly renderer: Renderer;
  readonly style: OfficeStyle;
  readonly publicUrl: string;
}

export const createTemplateShelf =
  (deps: TemplateShelfDeps): ShowTemplate =>
  (manifest) => {
    const isMessage = manifest.for === 'message';
    const purpose = manifest.for ?? 'announcement';
    const bundle = deps.templates.bundle(manifest.name, { ...deps.style, purpose });
    const locales = Object.keys(bundle.locales);
    const template = deps.renderer.compile(bundle, {
      announcement: {
        id: 'ann_00000000000000000000000000',
        kind: isMessage ? 'message' : 'notice',
        urgency: 'normal',
        exercise: false,
        supersedes: null,
      },
      case: isMessage ? { reference: '', title: '' } : { reference: 'DL-2026-0117', title: '样例 · Sample' },
      office: { name: bundle.officeName },
      content: Object.fromEntries(
        locales.map((locale) => [
          locale,
          Object.fromEntries(bundle.manifest.fields.map((field) => [field.name, sampleOf(field, locale)])),
        ]),
      ),
    });
    const somebody = {
      name: '王芳',
      ...(!isMessage && { leaveUrl: `${deps.publicUrl}/u/${'x'.repeat(LEAVE_TOKEN_LENGTH)}` }),
    };
    return {
      bundle,
      rendered: locales.map((locale) => ({
        locale,
        sms: template.sms(locale, somebody),
        email: template.email(locale, somebody),
      })),
      webhook: isMessage
        ? null
        : template.webhook({
            state: 'sending',
            sequence: 1,
            publishedAt: '2026-01-05T08:00:00.000Z',
            supersededBy: null,
            links: {},
          }).body,
    };
  };
