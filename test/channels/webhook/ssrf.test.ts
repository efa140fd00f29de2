import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import {
  checkEndpointUrl,
  createEndpointGuard,
  type GuardOptions,
} from '../../../src/channels/webhook/ssrf.ts';

const named = (...addresses: string[]): Pick<GuardOptions, 'resolve'> => ({
  resolve: async () =>
    addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
});
const refused = expect.objectContaining({ code: 'endpoint-url-refused', kind: 'invalid' });

describe('an endpoint URL is refused', () => {
  it.each([
    'https://127.0.0.1/',
    'https://127.8.9.10:8443/x',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://①②⑦.0.0.1/',
    'https://１２７。０。０。１/',
    'https://127.0.0.1./',
    'https://0.0.0.0/',
    'https://10.1.2.3/',
    'https://100.64.0.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://172.31.255.255/',
    'https://192.0.0.1/',
    'https://192.0.2.1/',
    'https://192.88.99.1/',
    'https://192.168.1.1/',
    'https://198.19.0.1/',
    'https://198.51.100.7/',
    'https://203.0.113.7/',
    'https://224.0.0.1/',
    'https://240.0.0.1/',
    'https://255.255.255.255/',
    'https://[::]/',
    'https://[::1]/',
    'https://[::127.0.0.1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:a00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[64:ff9b:1::1]/',
    'https://[100::1]/',
    'https://[2001::1]/',
    'https://[2001:db8::1]/',
    'https://[2002:7f00:1::]/',
    'https://[3fff::1]/',
    'https://[5f00::1]/',
    'https://[fc00::1]/',
    'https://[fd12:3456::1]/',
    'https://[fe80::1]/',
    'https://[ff02::1]/',
  ])('because it is no public address: %s', async (url) => {
    await expect(checkEndpointUrl(url, {})).rejects.toEqual(refused);
  });

  it.each(['10.0.0.1', '127.0.0.1', '::1', '::ffff:192.168.0.1', 'fd00::1'])(
    'because its name means %s, even beside a public address',
    async (address) => {
      await expect(
        checkEndpointUrl('https://outlet.example/', named('93.184.216.34', address)),
      ).rejects.toEqual(refused);
    },
  );

  it.each([
    ['http', 'http://93.184.216.34/'],
    ['http to a name', 'http://outlet.example/'],
    ['another scheme', 'ftp://93.184.216.34/'],
    ['a file', 'file:///etc/passwd'],
    ['a user', 'https://user@93.184.216.34/'],
    ['a password', 'https://:secret@93.184.216.34/'],
    ['no URL', 'outlet.example/hook'],
    ['nothing', ''],
    ['a fragment', 'https://93.184.216.34/#top'],
    ['port 0', 'https://93.184.216.34:0/'],
    ['a port of another protocol', 'https://93.184.216.34:25/'],
    ['half a character', 'https://93.184.216.34/\ud800'],
    ['an address that does not exist', 'https://999.1.1.1/'],
    ['too long', `https://93.184.216.34/${'x'.repeat(2_048)}`],
  ])('because it is %s', async (_, url) => {
    await expect(checkEndpointUrl(url, named('93.184.216.34'))).rejects.toEqual(refused);
  });

  it('because its name does not exist, and says so', async () => {
    await expect(checkEndpointUrl('https://no-such-outlet.invalid/', {})).rejects.toMatchObject({
      code: 'endpoint-url-refused',
      message: expect.stringContaining('no-such-outlet.invalid cannot be resolved'),
    });
  });
});

describe('an endpoint URL is taken', () => {
  it.each([
    'https://93.184.216.34/hook',
    'https://93.184.216.34:8443/',
    'https://[2606:4700::1111]/',
    'https://172.32.0.1/',
  ])('when it is public: %s', async (url) => {
    await expect(checkEndpointUrl(url, {})).resolves.toBe(url);
  });

  it.each([
    ['https://９３.184.216.34/hook', 'https://93.184.216.34/hook'],
    ['HTTPS://93.184.216.34:443/a/../hook', 'https://93.184.216.34/hook'],
  ])('in its normal form: %s', async (url, normal) => {
    await expect(checkEndpointUrl(url, {})).resolves.toBe(normal);
  });

  it('when all that its name means is public', async () => {
    await checkEndpointUrl('https://outlet.example/', named('93.184.216.34', '2606:4700::1111'));
  });

  it('when it is private and allowed, also without TLS', async () => {
    const options = { allowedCidrs: ['10.1.0.0/16', 'fd00::/8'] };
    await checkEndpointUrl('http://10.1.2.3/', options);
    await checkEndpointUrl('https://[fd00::5]/', options);
    await checkEndpointUrl('http://newsroom.lan/', { ...options, ...named('10.1.9.9') });
    await expect(checkEndpointUrl('http://10.2.0.1/', options)).rejects.toEqual(refused);
  });

  it('when it is exactly the host and port that are let through', async () => {
    const options = { allowedHosts: ['127.0.0.1:4001', 'localhost:4001'] };
    await checkEndpointUrl('http://127.0.0.1:4001/hooks/a', options);
    await checkEndpointUrl('http://localhost:4001/', { ...options, ...named('127.0.0.1') });
    for (const url of [
      'http://127.0.0.1:4002/',
      'http://127.0.0.1/',
      'http://localhost:4002/',
      'http://127.0.0.2:4001/',
    ]) {
      await expect(checkEndpointUrl(url, { ...options, ...named('127.0.0.1') }), url).rejects.toEqual(
        refused,
      );
    }
  });
});

it.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'private/8', ''])('the network %j is refused', (cidr) => {
  expect(() => createEndpointGuard({ allowedCidrs: [cidr] })).toThrow(
    expect.objectContaining({ code: 'webhook-cidr-invalid' }),
  );
});
