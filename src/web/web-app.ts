import type { App } from '../app.ts';

/** What the web side uses of Herald. */
export type WebApp = Pick<
  App,
  | 'config'
  | 'log'
  | 'ids'
  | 'announce'
  | 'messenger'
  | 'approverCalls'
  | 'receive'
  | 'reports'
  | 'audit'
  | 'users'
  | 'identity'
  | 'administration'
  | 'subscribers'
  | 'endpoints'
  | 'lists'
  | 'imports'
  | 'quietHours'
  | 'idempotency'
  | 'ready'
>;
