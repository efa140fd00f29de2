import type { ZodServer } from '../api/common.ts';
import type { WebApp } from '../web-app.ts';

/** What a page family registers its routes with; addresses are below `/console`. Listed in console.ts. */
export type ConsolePages = (server: ZodServer, app: WebApp) => void;
