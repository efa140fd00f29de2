import formbody from '@fastify/formbody';
import type { ZodServer } from '../api/common.ts';
import type { WebApp } from '../web-app.ts';
import { accountPages } from './account.tsx';
import { adminPages } from './admin.tsx';
import { announcementPages } from './announcements.tsx';
import { approvePages } from './approve.tsx';
import { assetRoutes } from './assets.ts';
import { auditPages } from './audit.tsx';
import type { ConsolePages } from './console-pages.ts';
import { deliveryPages } from './deliveries.tsx';
import { enrolPages } from './enrol.tsx';
import { answerWithPages } from './errors.tsx';
import { homePages } from './home.tsx';
import { importPages } from './imports.tsx';
import { invitationPages } from './invitation.tsx';
import { keyPages } from './keys.tsx';
import { listPages } from './lists.tsx';
import { outletPages } from './outlets.tsx';
import { passkeyRoutes } from './passkeys.ts';
import { preferenceRoutes } from './preferences.ts';
import { progressPages } from './progress.tsx';
import { quietHoursPages } from './quiet-hours.tsx';
import { rotaPages } from './rota.tsx';
import { secondFactorPages, takeFactor } from './second-factor.tsx';
import { signInPages } from './sign-in.tsx';
import { subscriberPages } from './subscribers.tsx';
import { suppressionPages } from './suppressions.tsx';
import { systemPages } from './system.tsx';
import { templatePages } from './templates.tsx';
import { userPages } from './users.tsx';
import { writePages } from './write.tsx';

/** Nothing inline, nothing from elsewhere; previews come in frames of our own that run nothing. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "form-action 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');
/** A form with a long text in three languages. */
const BODY_LIMIT = 1_000_000;

const PAGES: readonly ConsolePages[] = [
  homePages,
  announcementPages,
  writePages,
  signInPages,
  passkeyRoutes,
  secondFactorPages,
  enrolPages,
  invitationPages,
  preferenceRoutes,
  accountPages,
  adminPages,
  userPages,
  progressPages,
  deliveryPages,
  approvePages,
  rotaPages,
  subscriberPages,
  importPages,
  outletPages,
  auditPages,
  suppressionPages,
  listPages,
  quietHoursPages,
  keyPages,
  templatePages,
  systemPages,
];

/** The press office's pages. Guard, forms' tokens and error pages are the same for all of them. */
export async function consolePages(server: ZodServer, app: WebApp): Promise<void> {
  answerWithPages(server, app);
  server.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true };
  });
  server.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('content-security-policy', CONTENT_SECURITY_POLICY);
    // Not `no-referrer`: with it, browsers send forms with the origin `null`.
    reply.header('referrer-policy', 'same-origin');
  });
  server.addHook('preHandler', (request, reply) => takeFactor(request, reply, app));
  await server.register(formbody, { bodyLimit: BODY_LIMIT });
  assetRoutes(server);
  for (const pages of PAGES) pages(server, app);
}
