import { z } from 'zod';
import { CHANNELS } from '../../domain/channel.ts';
import type { Preview } from '../../pipeline/preview.ts';
import { findingSchema } from './announcement-view.ts';
import { time } from './common.ts';

const channel = z.enum(CHANNELS);
const perChannel = z.partialRecord(channel, z.number());
const sms = z.looseObject({
  channel: z.literal('sms'),
  body: z.string().describe('As the provider gets it'),
  segments: z.looseObject({
    encoding: z.enum(['GSM-7', 'UCS-2']),
    count: z.number().describe('Parts on the air; what the provider bills'),
    units: z.number().describe('Characters used: septets, or UTF-16 code units'),
  }),
});

/** What `GET /v1/announcements/:id/preview` answers: {@link Preview}. */
export const previewSchema = z
  .looseObject({
    locales: z.array(
      z.looseObject({
        locale: z.string(),
        sms: sms.optional(),
        smsWithoutLinks: sms.optional().describe('For routes that take no links (+86)'),
        email: z.looseObject({ subject: z.string(), text: z.string(), html: z.string() }).optional(),
      }),
    ),
    webhook: z.unknown().optional().describe('The body, as JSON: /schemas/announcement.v1.json'),
    audience: z.looseObject({
      total: z.number().describe('Messages in all'),
      citizens: z.number().describe('Each once, on however many channels'),
      channels: perChannel,
      fallback: z
        .array(z.looseObject({ wanted: z.string(), gets: z.string(), count: z.number() }))
        .describe('Contacts whose own language is missing, and the one that they get'),
    }),
    segments: z.number().describe('SMS segments in all, at the longest variant of each language'),
    findings: z
      .array(findingSchema)
      .describe('Of the privacy lint; those without a reason hold submission up'),
    seconds: perChannel.describe('At today’s limits; channels run side by side'),
    heldUntil: z
      .partialRecord(channel, time)
      .describe('When quiet hours let it go, for the channels they hold'),
  })
  .meta({ id: 'Preview' });

/** @param locale this language only. @returns without what is only a promise not to change it */
export function previewView(preview: Preview, locale: string | undefined): z.input<typeof previewSchema> {
  const { locales, audience, findings, ...rest } = preview;
  return {
    ...rest,
    locales: locales
      .filter((rendered) => locale === undefined || rendered.locale === locale)
      .map(({ sms: withLinks, smsWithoutLinks, email, ...one }) => ({
        ...one,
        ...(withLinks && { sms: { ...withLinks, segments: { ...withLinks.segments } } }),
        ...(smsWithoutLinks && {
          smsWithoutLinks: { ...smsWithoutLinks, segments: { ...smsWithoutLinks.segments } },
        }),
        ...(email && { email: { ...email } }),
      })),
    findings: findings.filter((finding) => locale === undefined || finding.locale === locale),
    audience: { ...audience, fallback: audience.fallback.map((one) => ({ ...one })) },
  };
}
