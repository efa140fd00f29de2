import { COMPOUND_SURNAMES, NOT_NAMES, PINYIN_SURNAMES, SURNAMES } from './surnames.ts';
import { type Detector, type Span, spansOf } from './text.ts';

/** People whose names a notice does not give: Minors Protection Law 103, PIPL 28; suspects before a court has spoken. */
const ROLES =
  /(?:犯罪嫌疑人|嫌疑人|嫌犯|疑犯|犯罪分子|涉案人员?|受害(?:人|者|群众)|被害(?:人|者)|遇害者|遇难者|罹难者|死者|伤者|伤员|罪犯|主犯|从犯|被告人?|逃犯|在逃人员|通缉犯|违法(?:行为)?人员?|行为人|肇事者|肇事(?:司机|驾驶员|人)|(?<!对|向|致)(?:驾驶人|驾驶员|司机)|目击(?:者|证人)|证人|报案人|报警人|举报人|走失(?:人员|者|老人)|失踪(?:人员|者)|当事人|事主|受骗人|死亡人员|团伙(?:成员|头目|主犯)|抓获|拘留|逮捕|抓捕|刑拘|乘客|失主|名叫|姓名(?=:)|将(?=[一-龥]{2,4}(?:抓|逮|刑拘|刑事|拘))|对(?=[一-龥]{2,4}(?:刑拘|刑事|采取|依法)))(?:\((?:男|女)\)|为|是|系|叫|名叫|名为|分别为|分别是|姓名)?[ :、"“]{0,2}/g;
const MORE = /^(?:、|,|，|和|及|与|以及| )/;
/** Characters that are no part of a given name: particles, pronouns, and 某, which masks one. */
const NOT_GIVEN =
  /[的了在于被将已为是与等其某们及从对把由因以不并就也或这那到均曾仍还又都之者要会所案称说处应须请无未没人男女涉抓持驾报名她他它有后]/;
/** 李警官, 王女士: a surname with a title is no full name. */
const TITLE =
  /^(?:警官|警员|女士|先生|小姐|太太|大爷|大妈|大叔|大哥|阿姨|奶奶|爷爷|老师|老板|主任|所长|队长|局长|经理|法官|律师|医生|同学|师傅|姓|氏|家)/;
/** What may follow a name. */
const FOLLOWS =
  /^(?:$|[^一-龥]|[被在于系因对将已的等发逮刑拘采依与驾驶向从与和及到交归落伙酒醉持潜骗盗抢打杀死受供涉抓逃犯以用通谎冒是为均曾仍还又先男女报称说主投自其之利乘行途进走失离身当伤多])/;

/** Surnames that are particles as well (嫌疑人于昨晚…): names only where the word ends. */
const PARTICLES = /^[于向和时连单应成原]/;
/** The same, with words that are none: 于昨晚, 向警方. */
const NEVER = /^[于向和时连单应成原].?[昨今明当近同日晚晨夜午早年月初末警群社]/;
const WORD_ENDS = /^(?:$|[^一-龥])/;

export const chineseNames: Detector = function* (folded) {
  for (const match of folded.matchAll(ROLES)) {
    let at = match.index + match[0].length;
    for (let name = nameAt(folded, at); name; name = nameAt(folded, at)) {
      yield name;
      const details = /^\([^()]{0,40}\)/.exec(folded.slice(name.end))?.[0].length ?? 0;
      at = name.end + details;
      const joint = MORE.exec(folded.slice(at));
      if (!joint) break;
      at += joint[0].length;
    }
  }
  // 张三(男,35岁): the form of police reports needs no other word.
  for (const { index } of folded.matchAll(/[(,，] ?[男女](?=[,，、)）;；])/g)) {
    for (const length of [4, 3, 2]) {
      const start = index - length;
      const name = nameAt(folded, start);
      if (name?.end === index) {
        yield name;
        break;
      }
    }
  }
};

/** A full name that begins here: surname, one or two characters, and a word's end. */
function nameAt(folded: string, start: number): Span | undefined {
  if (start < 0) return undefined;
  const text = folded.slice(start, start + 6);
  const compound = COMPOUND_SURNAMES.find((name) => text.startsWith(name));
  if (!compound && (!SURNAMES.has(text[0] ?? '') || NOT_NAMES.test(text) || NEVER.test(text)))
    return undefined;
  const surname = compound?.length ?? 1;
  for (const given of [2, 1]) {
    const characters = text.slice(surname, surname + given);
    const whole = characters.length === given && /^[一-龥]+$/.test(characters);
    const after = PARTICLES.test(text) ? WORD_ENDS : FOLLOWS;
    if (
      whole &&
      !TITLE.test(text.slice(surname)) &&
      !NOT_GIVEN.test(characters) &&
      after.test(folded.slice(start + surname + given))
    )
      return { start, end: start + surname + given };
  }
  return undefined;
}

const WORD = "(?:[A-Z]')?[A-Z][a-z]+(?:['-][A-Za-z][a-z]+)*";
const NAME = `(?:[A-Z]{2,}|${WORD})(?: (?:[A-Z]\\.|(?:bin|van|de|al|von) ?)?)(?:${WORD} ){0,2}${WORD}`;
const ROLE_NAMES =
  'suspects?|victims?|witness(?:es)?|deceased|defendants?|offenders?|perpetrators?|fugitives?|accused|complainants?|culprits?|missing person|missing man|missing woman|missing child|missing boy|missing girl|murderer|robber|thief|fraudster|ringleader|driver|arrested|detained|charged';
/** With a capital as well, at the beginning of a sentence. */
const ROLE = `(?:${ROLE_NAMES.split('|')
  .map((word) => `[${word[0]}${word[0]?.toUpperCase()}]${word.slice(1)}`)
  .join('|')})`;
/** A name beside such a word: `the suspect, John Smith`, `victim named Zhang Wei`, `John Smith, the main suspect`. */
const BESIDE: readonly RegExp[] = [
  new RegExp(
    `\\b${ROLE}(?:,? (?:is|was|are|were|has been|have been))?(?:,? (?:named|called|identified as|known as|as|namely))?(?:,|:| \\()? ?(?:(?:Mr|Ms|Mrs|Miss|Dr)\\.? )?(?<it>${NAME})`,
    'g',
  ),
  new RegExp(
    `(?<it>${NAME}),? (?:\\([^()]{0,30}\\),? )?(?:the|a|an|another|who is (?:the|a)|is (?:the|a)|was (?:the|a)) (?:[a-z-]+ ){0,2}${ROLE}\\b`,
    'g',
  ),
  new RegExp(
    `\\b(?:suspect|victim|witness)(?:es|s)?\\b[^.!?\\n]{0,40}\\b(?:named|called|identified as) (?<it>${NAME})`,
    'g',
  ),
];
const TITLED = new RegExp(`\\b${ROLE}\\b`);
/** Another capitalised pair is a name when it is built like a Chinese one. */
const PAIR = new RegExp(`\\b(?:[A-Z]{2,}|${WORD}) ${WORD}\\b`, 'g');
const SYLLABLE =
  '(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ao|ou|an|en|in|un|ia|ie|iu|ua|ue|ui|uo|er|a|o|e|i|u|v))';
const GIVEN = new RegExp(`^${SYLLABLE}{1,2}(?:['-]?${SYLLABLE})?$`, 'i');
/** A word that makes of capitalised words a place, an agency, a day or a law; and the ways to mask a name. */
const NO_PERSON: ReadonlySet<string> = new Set(
  `police bureau office officer officers city town village county district province municipal municipality public security court
  court's procuratorate prosecutor prosecutors hospital university college school bank company ltd co group park airport station
  road street avenue lane bridge river lake north south east west central square plaza building community market mall hotel
  branch department ministry committee government people's people republic china chinese hong kong taiwan macao macau beijing shanghai
  monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september
  october november december the a an in on at by from of and or for with after before during since until this that these
  those she he they it we you who his her their our please anyone no any all one two three four five six seven eight nine ten
  law code act article criminal traffic task force team unit squad center centre line railway metro subway expressway highway
  app apps wechat alipay qq taobao technology international national new mou moumou x xx mr ms mrs miss dr
  jiangbei jiangnan gulou xincheng hedong binjiang wenquan`.split(/\s+/),
);

export const englishNames: Detector = function* (folded) {
  for (const pattern of BESIDE) {
    for (const span of spansOf(folded, pattern)) {
      const trimmed = personIn(folded, span);
      if (trimmed) yield trimmed;
    }
  }
  for (const sentence of spansOf(folded, /[^.!?\n]+/g)) {
    const text = folded.slice(sentence.start, sentence.end);
    if (!TITLED.test(text)) continue;
    for (const { start, end } of spansOf(text, PAIR)) {
      const [surname = '', given = ''] = text.slice(start, end).split(' ');
      const chinese =
        (PINYIN_SURNAMES.has(surname.toLowerCase()) && GIVEN.test(given)) ||
        (PINYIN_SURNAMES.has(given.toLowerCase()) && GIVEN.test(surname));
      const person = personIn(text, { start, end });
      if (chinese && person) yield { start: sentence.start + person.start, end: sentence.start + person.end };
    }
  }
};

/** The words of it up to the first that no person is called; undefined when less than two are left. */
function personIn(text: string, { start, end }: Span): Span | undefined {
  const words = text.slice(start, end).split(' ');
  if (words.some((word) => NO_PERSON.has(word.toLowerCase()))) return undefined;
  return words.length >= 2 ? { start, end } : undefined;
}
