/**
 * Whether a shard `s` of an announcement `a` may run now: it is being sent, citizens' messages have not expired,
 * and the channel's provider is not known to refuse us.
 */
export const RUNNABLE = `(a.state = 'sending' AND (a.expires_at > now() OR s.channel = 'webhook')
  AND NOT EXISTS (SELECT FROM breakers b WHERE b.channel = s.channel AND b.gateway = s.gateway))`;
