import { describeChannelAdapter, type Kind } from '../../conformance/channel-adapter.ts';
import { newNumber, smsTo, startTwilioRig, unusedUrl, whenTaken } from './twilio-rig.ts';

/** The magic suffix for each thing that the sandbox's Twilio can be made to do. */
const SUFFIXES: Readonly<Partial<Record<Kind, string>>> = {
  throttled: '920429',
  permanent: '921614',
  'opted-out': '921610',
  configuration: '921606',
  cut: '900001',
  hang: '900002',
};

const kinds: Kind[] = ['accepted', 'throttled', 'permanent', 'opted-out', 'configuration', 'cut', 'hang'];

describeChannelAdapter(
  'Twilio',
  kinds,
  { credentials: true, settlement: true, unreachable: 'throttled' },
  async () => {
    const { sandbox, adapterTo } = await startTwilioRig();
    const nowhere = await unusedUrl();
    return {
      adapter: adapterTo(),
      withTimeout: (requestTimeoutMs) => adapterTo({ requestTimeoutMs }),
      unreachable: () => ({ adapter: adapterTo({ apiUrl: nowhere }), address: newNumber() }),
      misconfigured: () => adapterTo({ authToken: 'wrong' }),
      address: (kind) => newNumber(SUFFIXES[kind]),
      message: (address) => smsTo(address),
      taken: (address) => sandbox.ledger.list({ address }),
      whenTaken: (address) => whenTaken(sandbox, address),
      connections: () => sandbox.connections(),
      close: () => sandbox.close(),
    };
  },
);
