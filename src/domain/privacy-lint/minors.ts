import { type Detector, type Span, spansOf } from './text.ts';

const CHINESE_AGE = '(?:[1-9]|1[0-7]|[一二两三四五六七八九]|十[一二三四五六七]?)';
const ENGLISH_AGE =
  '(?:[1-9]|1[0-7]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)';
/** A rule about an age, not somebody's: "未满16周岁", "16周岁以下", "over 14 years of age". */
const RULE_BEFORE =
  /(?:未满|不满|不足|年满|须满|已满|低于|高于|小于|大于|超过|under|below|over|above|than|least|most|least the|age of|children under|until|before|from the age of) ?(?:the age of )?(?:aged )?$/i;
const RULE_AFTER =
  /^ ?(?:\(含\)|\(不含\))?(?:以下|以上|以内|以前|之前|or (?:over|under|older|younger|above|below|more|less)|and (?:over|under|older|younger|above|below))/i;

const AGES: readonly RegExp[] = [
  new RegExp(`(?<![\\d.零一二两三四五六七八九十百千])(?<it>${CHINESE_AGE} ?(?:周岁|岁))(?!月)`, 'g'),
  /(?<![\d.])(?<it>\d{1,2} ?个月)大?的?(?:女|男|婴|幼|孩|宝)/g,
  new RegExp(`\\b${ENGLISH_AGE}(?: | ?- ?)?years?(?: | ?- ?)olds?\\b`, 'gi'),
  new RegExp(`\\b${ENGLISH_AGE}(?:-| )(?= ?(?:and|or|to) (?:1[0-7]|[1-9])(?:-| )years?(?:-| )old)`, 'gi'),
  new RegExp(`\\b${ENGLISH_AGE} years of age\\b`, 'gi'),
  new RegExp(`\\b(?:aged?|at the age of|age:)(?: only| just)? ${ENGLISH_AGE}\\b(?![.,]\\d|%)`, 'gi'),
  /\b\d{1,2}(?:-| )months?(?:-| )old\b/gi,
  new RegExp(
    `(?<!\\b(?:January|February|March|April|May|June|July|August|September|October|November|December|[JFMASOND][a-z]{2}\\.?))(?<=[A-Z][A-Za-z]{1,20}), (?<it>${ENGLISH_AGE})(?=, (?:who|was|is|of|from|has|had|a|an|and|the) |,? (?:was|is|has been) )`,
    'g',
  ),
];

const COUNTED =
  '(?:[一二两三四五六七八九十几数多\\d]+(?:名|个|位|对)|一?名|该|受害|被害|遇害|涉案|涉事|失踪|走失|被拐)';
/** Words for children. Institutions, laws and advice to everybody have the same words in them, and are left out. */
const WORDS: readonly RegExp[] = [
  /(?<!保护|关爱|教育|引导|提醒|关心|禁止|不得向|严禁)未成年(?!人?(?:不得|犯罪|保护|检察|审判|思想|犯罪预防|防沉迷|模式|健康|网络|救助|免|半价|勿|禁止|请|须|应))(?:人|子女|学生|女孩|男孩|少女)?/g,
  /(?<!中)(?:小学生|初中生|高中生|中学生)(?!守则|活动|运动会|联赛)/g,
  /女童|男童|幼女|幼童/g,
  new RegExp(
    `${COUNTED}(?<it>(?:年幼|幼小)?的?(?:儿童|男孩|女孩|少年|少女|婴儿|婴幼儿|幼儿|男婴|女婴|孩子|小孩|学生))(?!园|车|票|家长|节)`,
    'g',
  ),
  /(?<![-\w])(?:a|the|two|three|four|five|several|\d+|both|missing|injured|victim was a) (?:(?:young|little|small|local|missing|injured|unnamed) )?(?<it>boys?|girls?|child(?:ren)?|infants?|bab(?:y|ies)|toddlers?|teenagers?|pupils?)\b(?! (?:seat|care|lock|safety|protection|welfare|helpline|'s play))/gi,
  /\bminors?'s?(?= )|\bminors\b|\b(?:a|the|one) (?<it>minor)(?=[.,;:)]|$| (?:who|was|is|has|had|from|at|and|or|of|aged|under)\b)/gi,
  /\b(?:juveniles?(?! (?:court|delinquency|justice|protection))|under-?age(?:d)?|schoolboys?|schoolgirls?|schoolchild(?:ren)?|school pupils?)\b/gi,
];

export const minors: Detector = function* (folded) {
  for (const pattern of AGES) {
    for (const span of spansOf(folded, pattern)) if (!isRule(folded, span)) yield span;
  }
  for (const pattern of WORDS) yield* spansOf(folded, pattern);
};

const isRule = (folded: string, { start, end }: Span): boolean =>
  RULE_BEFORE.test(folded.slice(Math.max(0, start - 24), start)) ||
  RULE_AFTER.test(folded.slice(end, end + 16));
