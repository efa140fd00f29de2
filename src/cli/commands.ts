import { register as acts } from './acts.ts';
import { register as announce } from './announce.ts';
import { register as audit } from './audit.ts';
import { register as bounce } from './bounce.ts';
import { register as config } from './config.ts';
import { register as deliveries } from './deliveries.ts';
import { register as demo } from './demo.ts';
import { register as endpoints } from './endpoints.ts';
import { register as importCitizens } from './import.ts';
import { register as keys } from './keys.ts';
import { register as lists } from './lists.ts';
import { register as message } from './message.ts';
import { register as migrate } from './migrate.ts';
import { register as plan } from './plan.ts';
import { register as preview } from './preview.ts';
import type { Register } from './program.ts';
import { register as quietHours } from './quiet-hours.ts';
import { register as sandbox } from './sandbox.ts';
import { register as serve } from './serve.ts';
import { register as start } from './start.ts';
import { register as status } from './status.ts';
import { register as users } from './users.ts';
import { register as work } from './work.ts';

/** One file a command, in the order in which the help shows them. */
export const COMMANDS: readonly Register[] = [
  start,
  demo,
  users,
  keys,
  lists,
  endpoints,
  importCitizens,
  preview,
  plan,
  announce,
  acts,
  status,
  deliveries,
  message,
  bounce,
  quietHours,
  audit,
  migrate,
  serve,
  work,
  sandbox,
  config,
];
