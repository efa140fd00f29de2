import { type Detector, type Span, spansOf } from './text.ts';

/** What a school's name ends in, and what must not follow, because the word then means something else. */
const KIND =
  /(?:小学|中学|幼儿园|托儿所|职校|职高|附小|附中|(?:外国语|实验|双语|国际|特殊教育|启智|聋哑|盲人|职业(?:技术)?|技工|寄宿制?|艺术|体育)学校|(?:[一-龥]{2}(?:中等专业|职业高级中|技工)学校)|高级中学|高中|初中)(?!生|学历|文化|毕业|学段|阶段|部门|招生|年级|以|教育|教师资格)/g;
/** `滨江二中`: only a number before 中, and only where the word ends, is a school. */
const NUMBERED =
  /[一-龥]{2,4}(?:第)?[一二三四五六七八九十]{1,2}中(?=[学校门高初附东西南北的，。、；,.;\s)]|$)/g;

/** Longest name that is looked for, in characters before its ending. */
const REACH = 14;
/** Words after which a name begins: what is said about a school, and is no part of what it is called. */
const BEFORE_NAMES =
  /走进|进入|前往|经过|路过|途经|接送|就读于?|来自|毕业于?|位于|驶入|联合|组织|开展|加强|深入|针对|关于|通过|包括|以及|附近|周边|周围|门口|一所|某所|就是|发生|辖区|属于|曾在|送到|送往|跟随|冒充|假冒|攻击|袭击|通报|接报|警方|民警|公安局|派出所|家长|学生|老师|教师|在|于|到|至|从|由|的|了|是|为|与|及|或|被|对|把|往|向|和|系|距|离|并|经|赴|去|抵|该|将|跟|入|读|送|回/g;
/** What says only which schools are meant in general. */
const GENERAL =
  /^(?:(?:全[市省区县国镇]|[我本该各每某我们]|当地|本地|外地|有关|相关|所有|不少|部分|其他|一些|多|几|数|[一二两三四五六七八九十\d]+|[余多]|[所家个名]|城[区镇]|市区|郊区|农村|乡镇|城乡|民办|公办|公立|私立|普通|重点|示范|寄宿制?|完全|九年一贯制?|中心|附近|周边|辖区|附属|省级|市级|区级|县级|大|中|初级|高级|小|两|及|和|与|或|的|内|外|前|旁|边|里|省|市|区|县|处|某某|暑期|校园|学校|大学|安全|近|沿途|沿线))*$/;
const MASKED = /某|[xX×*○]{2}|[甲乙丙丁]$|[xX×*○]$/;

export const schools: Detector = function* (folded) {
  for (const match of folded.matchAll(KIND)) {
    const span = namedSchool(folded, match.index, match.index + match[0].length);
    if (span) yield span;
  }
  for (const { end } of spansOf(folded, NUMBERED)) {
    const span = namedSchool(folded, end - 1, end);
    if (span && span.end - span.start >= 4) yield span;
  }
  for (const match of folded.matchAll(ENGLISH)) {
    const name = (match.groups?.name ?? '').trim();
    if (name.split(/\s+/).some((word) => !COMMON_WORDS.has(word)) && !/\b(?:X{1,3}|Mou)$/.test(name)) {
      // The article before a name is not part of it.
      const lead = /^(?:(?:The|A|An|At|In|Near|From|Our|This)\s+)+/.exec(match[0])?.[0].length ?? 0;
      yield { start: match.index + lead, end: match.index + match[0].length };
    }
  }
};

/** The name in front of a word for a school; undefined when nothing particular stands there. */
function namedSchool(folded: string, at: number, end: number): Span | undefined {
  const before = /[一-龥\d]*$/.exec(folded.slice(Math.max(0, at - REACH), at))?.[0] ?? '';
  const marked = /[a-zA-Z×*○]+$/.test(folded.slice(0, at));
  if (marked) return undefined;
  // The last such word that leaves a name behind it: 和平小学 and 向阳小学 begin with one.
  const cuts = [...before.matchAll(BEFORE_NAMES)].map((match) => match.index + match[0].length);
  const cut = cuts.filter((offset) => before.length - offset >= 2).at(-1) ?? 0;
  const name = before.slice(cut);
  const dangling = cuts.at(-1) === before.length && before.length > 0;
  if (name.length < 2 || dangling || MASKED.test(name) || GENERAL.test(name)) return undefined;
  // 江北区小学 are the primary schools of the district.
  if (/^[一-龥]{2,3}[省市区县](?:民办|公办|各|多所|部分|中|[一两])*$/.test(name)) return undefined;
  return { start: at - name.length, end };
}

const ENGLISH =
  /(?<![A-Za-z0-9])(?<name>(?:(?:[A-Z][A-Za-z0-9'.-]{0,30}|\d{1,4}(?:st|nd|rd|th)?) ){1,8}?)(?:(?:Primary|Elementary|Middle|Secondary|High|Junior High|Senior High|Junior Middle|Senior Middle|Vocational|Vocational High|Experimental|Nursery|Boarding|Foreign Languages?|International|Grammar|Bilingual|Special)\s+School|Kindergarten|Preschool|Nursery)\b(?!\s+(?:Act|Law|Safety|Education))/g;
/** Capitalised, but no name: the beginning of a sentence, or which schools are meant in general. */
const COMMON_WORDS: ReadonlySet<string> = new Set(
  'The A An At In Near From Our This That Every All Each Any Some Many Two Three Local Public Private City County District Municipal For And Of To On Primary Middle Junior Senior High Secondary Vocational Parents Pupils Students Police No School'.split(
    ' ',
  ),
);
