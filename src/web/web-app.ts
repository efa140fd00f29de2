import type { App } from '../app.ts';

/** What the web side uses of Herald. */
export type WebApp = Pick<
  App,
  | 'config'
  | 'log'
  | 'ids'
  | 'announce'
  | 'templates'
  | 'messenger'
  | 'approverCalls'
  | 'receive'
  | 'reports'
  | 'readMessage'
  | 'audit'
  | 'users'
  | 'identity'
  | 'administration'
  | 'leaveByCode'
  | 'subscribers'
  | 'endpoints'
  | 'lists'
  | 'imports'
  | 'quietHours'
  | 'idempotency'
  | 'ready'
>;
