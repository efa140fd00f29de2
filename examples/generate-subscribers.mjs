// Writes examples/subscribers.csv, the same bytes each time: 2,000 rows, 60 of them bad in different ways, 80 of
// them magic (src/sandbox/magic.ts, src/sandbox/magic-mailboxes.ts), so that the sandbox shows every outcome; and
// examples/refused.json: which lines are bad, and why.
//
//   node examples/generate-subscribers.mjs            writes both files
//   node examples/generate-subscribers.mjs --stdout   prints the first
//   node examples/generate-subscribers.mjs --refused  prints the second
//
// Nobody real: the mailboxes are in domains of RFC 2606, +1 … 555 01xx and +44 7700 900xxx are kept for fiction by
// their regulators. China and Hong Kong keep none; +86 1740x was given to satellite phones. For the sandbox only.

import { writeFileSync } from 'node:fs';

const ROWS = 2_000;
const HEADER = ['name', 'phone', 'email', 'locale', 'topics', 'districts', 'consent_at', 'consent_source'];

const SURNAMES = words(
  '王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 黄:huang 赵:zhao 吴:wu 周:zhou 徐:xu 孙:sun 马:ma 朱:zhu 胡:hu 郭:guo 何:he 林:lin 高:gao 罗:luo 郑:zheng 梁:liang 谢:xie 宋:song 唐:tang 许:xu 邓:deng 冯:feng 韩:han 曹:cao 欧阳:ouyang',
);
const GIVEN = words(
  '伟:wei 芳:fang 娜:na 敏:min 静:jing 强:qiang 磊:lei 洋:yang 艳:yan 勇:yong 军:jun 杰:jie 娟:juan 涛:tao 明:ming 超:chao 霞:xia 平:ping 建国:jianguo 秀英:xiuying 桂兰:guilan 晓东:xiaodong 海燕:haiyan 子涵:zihan 雨桐:yutong 浩然:haoran 思远:siyuan 文博:wenbo',
);
const FIRST =
  'James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth Aisha Carlos Priya Kenji Olga Ahmed Sofia Lars Chloe Mateo'.split(
    ' ',
  );
const LAST =
  "Smith Johnson Brown Taylor Wilson Davies Evans Walker Wright O'Neill Garcia Müller Rossi Kowalski Tanaka Singh Nguyen Ivanova Hansen Okafor".split(
    ' ',
  );
const DOMAINS = ['example.org', 'example.com', 'example.net'];
const TOPICS = ['major-cases', 'missing-persons', 'traffic', 'public-safety', 'community'];
const DISTRICTS = ['jiangbei', 'jiangnan', 'hedong', 'gulou', 'xincheng', 'wenquan'];
const SOURCES = {
  'zh-CN': ['政务服务大厅', '微信公众号', '社区登记', '官方网站'],
  en: ['website', 'service hall', 'community event'],
};

/** Phone suffix → rows. Left out: what opens a breaker, pauses the announcement, or takes more than a minute. */
const MAGIC_PHONES = {
  930003: 6,
  930005: 6,
  930006: 4,
  930008: 4,
  921610: 5,
  921211: 3,
  921614: 4,
  920429: 3,
  920503: 3,
  900001: 1,
  900004: 2,
  900005: 4,
  900006: 5,
};
const MAGIC_MAILBOXES = {
  'bounce-hard': 5,
  'bounce-soft': 3,
  'mailbox-full': 3,
  'bounce-policy': 2,
  delayed: 3,
  'unknown-user': 4,
  greylist: 5,
  throttle: 3,
  slow: 2,
};

/** What is done to a good row's cells; `earlier` is a good row before it. 60 in all. */
const BAD = [
  ...bad('bad-phone', 10, (i) => ({
    phone: ['12345', '+86 12 3456', '+861064000001', 'see e-mail', '+999 555 0100'][i % 5],
  })),
  ...bad('bad-mailbox', 10, (i) => ({
    email: ['li.wei@', 'li wei@example.org', 'li.wei@example', '@example.org', 'li.wei(at)example.org'][
      i % 5
    ],
  })),
  ...bad('duplicate', 10, () => (earlier) => ({ phone: earlier.phone })),
  ...bad('unknown-topic', 8, (i) => ({ topics: ['lottery', 'fraud;weather', 'Fraud', '反诈'][i % 4] })),
  ...bad(
    'no-consent',
    8,
    (i) =>
      [{ consent_at: '' }, { consent_source: '' }, { consent_at: 'yes' }, { consent_at: '2099-01-01' }][
        i % 4
      ],
  ),
  ...bad('missing-contact', 4, () => ({ phone: '', email: '' })),
  ...bad('broken-quoting', 5, (i) => ({ raw: i % 2 ? '"张"伟' : '张"伟"' })),
  // 王伟 in GBK, as spreadsheets of Chinese Windows write it.
  ...bad('not-utf-8', 5, () => ({ raw: '\xcd\xf5\xce\xb0' })),
];

const random = mulberry32(20261123);
const pick = (list) => list[Math.floor(random() * list.length)];
const used = new Set();

const magic = [
  ...Object.entries(MAGIC_PHONES).flatMap(([suffix, rows]) => spread(rows, (i) => magicPhone(suffix, i))),
  ...Object.entries(MAGIC_MAILBOXES).flatMap(([tag, rows]) => spread(rows, () => ({ tag }))),
];
const kinds = shuffle([
  ...BAD,
  ...magic.map((one) => ({ magic: one })),
  ...spread(ROWS - BAD.length - magic.length, () => ({})),
]);
// A duplicate needs somebody before it.
const firstGood = kinds.findIndex((kind) => !kind.change);
[kinds[0], kinds[firstGood]] = [kinds[firstGood], kinds[0]];

const lines = [Buffer.from(HEADER.join(','))];
let earlier;
for (const [i, { change, magic: one }] of kinds.entries()) {
  const row = { ...person(i, one), ...(typeof change === 'function' ? change(earlier) : change) };
  const cells = HEADER.map((column) => cell(row[column]));
  const rest = Buffer.from(`,${cells.slice(1).join(',')}`);
  const raw = row.raw
    ? Buffer.from(row.raw, /[^\x00-\xff]/.test(row.raw) ? 'utf8' : 'latin1')
    : Buffer.from(cells[0]);
  lines.push(Buffer.concat([raw, rest]));
  if (!change && !one && row.phone) earlier = row;
}
const file = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
// Line 1 is the header.
const refused = kinds.flatMap(({ code }, i) => (code ? [`  { "line": ${i + 2}, "code": "${code}" }`] : []));
const refusedFile = `[\n${refused.join(',\n')}\n]\n`;
if (process.argv.includes('--stdout')) process.stdout.write(file);
else if (process.argv.includes('--refused')) process.stdout.write(refusedFile);
else {
  writeFileSync(new URL('subscribers.csv', import.meta.url), file);
  writeFileSync(new URL('refused.json', import.meta.url), refusedFile);
}

/** A citizen: three of four read Chinese; seven of ten gave both addresses. A magic one is in the example's audience. */
function person(i, one) {
  const locale = one?.locale ?? (random() < 0.75 ? 'zh-CN' : 'en');
  const chinese = locale === 'zh-CN' || random() < 0.3;
  const [last, lastLatin] = chinese ? pick(SURNAMES) : spelt(pick(LAST));
  const [first, firstLatin] = chinese ? pick(GIVEN) : spelt(pick(FIRST));
  const reach = one
    ? one.phone
      ? 'phone'
      : 'email'
    : (['phone', 'phone', 'phone', 'email', 'email', 'email'][Math.floor(random() * 20)] ?? 'both');
  const local = `${firstLatin}.${lastLatin}${i}${one?.tag ? `+${one.tag}` : ''}`;
  const topics = TOPICS.filter(() => random() < 0.3);
  if (one || topics.length === 0 || random() < 0.7) topics.push('fraud');
  const districts = [one ? pick(['jiangbei', 'jiangnan', 'gulou', 'xincheng']) : pick(DISTRICTS)];
  if (random() < 0.2) districts.push(pick(DISTRICTS));
  const day = new Date(Date.UTC(2025, 0, 1 + Math.floor(random() * 660)));
  return {
    name:
      chinese && locale === 'zh-CN'
        ? `${last}${first}`
        : chinese
          ? `${capital(firstLatin)} ${capital(lastLatin)}`
          : `${first} ${last}`,
    phone: reach === 'email' ? '' : (one?.phone ?? phone(locale)),
    email: reach === 'phone' ? '' : `${local}@${pick(DOMAINS)}`,
    locale,
    topics: topics.join(';'),
    districts: [...new Set(districts)].join(';'),
    consent_at: day.toISOString().slice(0, 10),
    consent_source: pick(SOURCES[locale]),
  };
}

function phone(locale) {
  const n = random();
  const abroad = locale === 'en' ? 0.35 : 0.03;
  let made;
  if (n >= abroad) made = `+861740${digits(1, 6)}${digits(6, 900_000)}`;
  else if (locale === 'zh-CN') made = `+8526${digits(1, 10)}${digits(6, 900_000)}`;
  else if (n < abroad / 2) made = `+447700900${100 + Math.floor(random() * 400)}`;
  else made = `+1${pick(['212', '415', '312', '617', '206'])}55501${digits(2, 100)}`;
  if (used.has(made)) return phone(locale);
  used.add(made);
  // People write numbers in many ways.
  return made.startsWith('+86') && random() < 0.2 ? made.slice(3) : made;
}

/** Six numbers with a suffix in China; who answers must be elsewhere, as replies from +86 arrive nowhere. */
function magicPhone(suffix, i) {
  if (suffix === '900006')
    return { phone: i === 0 ? `+447700${suffix}` : `+8526${i}${suffix}`, locale: i === 0 ? 'en' : 'zh-CN' };
  return { phone: `+861740${i}${suffix}` };
}

function digits(length, below) {
  return String(Math.floor(random() * below)).padStart(length, '0');
}

function spread(count, make) {
  return Array.from({ length: count }, (_, i) => make(i));
}

/** @param make what is done to the i-th row's cells; `code` is what the import must say of it */
function bad(code, count, make) {
  return spread(count, (i) => ({ code, change: make(i) }));
}

function words(text) {
  return text.split(' ').map((pair) => pair.split(':'));
}

function spelt(name) {
  return [
    name,
    name
      .normalize('NFD')
      .toLowerCase()
      .replace(/[^a-z]/g, ''),
  ];
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}

function cell(text) {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function shuffle(list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** A small seeded generator (Tommy Ettinger's mulberry32), as Math.random has no seed. */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
