import pino, { type Logger } from 'pino';
import type { Config } from './config.ts';

/** JSON lines on stderr: stdout belongs to what a command prints. Secrets are not logged; addresses are masked by whoever logs them. */
export function createLog(level: Config['logLevel'], name: string): Logger {
  return pino(
    {
      name,
      level,
      redact: [
        'req.headers.authorization',
        'req.headers["x-twilio-signature"]',
        '*.authToken',
        '*.secret',
        '*.password',
      ],
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
