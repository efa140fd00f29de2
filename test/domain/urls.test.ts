import { expect, it } from 'vitest';
import { consoleOrigin, containsUrl } from '../../src/domain/urls.ts';

it.each([
  'https://police.example',
  'HTTP://X.CN',
  '详见www.bjga.gov.cn公告',
  '详见bjga.gov.cn。',
  '详见 ｂｊｇａ．ｇｏｖ．ｃｎ',
  'go to t.co/ab',
  'bj\u200bga.gov.cn',
  '请看滨江.中国',
  'see police.example.com.',
  '10.0.0.1:8080/x',
])('%s is a link', (text) => expect(containsUrl(text)).toBe(true));

it.each([
  '请拨打110或12345/12389',
  'police@bjga.gov.cn',
  'Done.Next sentence',
  'e.g. this',
  '损失3.5万元',
  '2026.11.23',
  'v1.2/3',
  'and/or',
  '退订请登录滨江市公安局网站“订阅管理”',
])('%s is none', (text) => expect(containsUrl(text)).toBe(false));

it.each([
  ['http://127.0.0.1:8080', 'http://localhost:8080'],
  ['http://[::1]', 'http://localhost'],
  ['https://herald.example/base', 'https://herald.example/base'],
  ['http://127.0.0.10:8080', 'http://127.0.0.10:8080'],
])('the console of %s is opened at %s', (publicUrl, origin) => {
  expect(consoleOrigin(publicUrl)).toBe(origin);
});
