import { type Detector, spansOf } from './text.ts';

/** GA 36-2018, annex A: what stands for the province. */
const PROVINCE = '[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]';
/** The same as English notices write it. */
const PINYIN =
  '(?:Jing|Jin|Hu|Yu|Ji|Yun|Liao|Hei|Xiang|Wan|Lu|Xin|Su|Zhe|Gan|E|Gui|Meng|Shaan|Min|Yue|Qing|Zang|Chuan|Ning|Qiong|Qian|Gui)';
const GAP = '[ \\-·.]{0,3}';
/** The sign of the issuing office; I and O are not used. */
const OFFICE = '[A-HJ-NP-Za-hj-np-z]';
const SIGN = '[A-HJ-NP-Za-hj-np-z0-9]';
const ENDS = '(?![A-Za-z0-9*●])';

/**
 * Table of forms in GA 36-2018; new-energy plates have six characters (5.3), special ones end in a word. A masked one
 * (`浙A·****`) has none of them.
 */
const PLATES: readonly RegExp[] = [
  new RegExp(`${PROVINCE} ?${OFFICE}${GAP}(?:${SIGN}{5,6}|${SIGN}{4}[学警港澳挂领试超])${ENDS}`, 'g'),
  // Embassies, armed police, and the emergency service.
  new RegExp(
    `(?:使 ?\\d{3}·?\\d{3}|\\d{6}使|WJ ?${PROVINCE}?·?${SIGN}{4,5}|${PROVINCE}${OFFICE}·?${SIGN}{4}应急)${ENDS}`,
    'g',
  ),
  new RegExp(`\\b${PINYIN}[ \\-·]?${OFFICE}${GAP}${SIGN}{5,6}${ENDS}`, 'g'),
  new RegExp(
    `\\b(?:(?:licen[cs]e|number|vehicle|car) plates?(?: number)?|plates? (?:number|no\\.?)|registration(?: (?:number|no\\.?|mark))?)[ :,]{1,2}(?:(?:is|was|of|reading|with) )?(?<it>[A-Z]{0,3}[ \\-·]?${SIGN}{4,7})${ENDS}`,
    'gi',
  ),
];

export const plates: Detector = function* (folded) {
  for (const pattern of PLATES) {
    for (const span of spansOf(folded, pattern)) {
      const characters = folded.slice(span.start, span.end);
      const digits = characters.match(/\d/g)?.length ?? 0;
      if (digits >= 2) yield span;
    }
  }
};
