import { words } from './words.ts';

export const message = words({
  'zh-CN': {
    cut: '从这里分成下一条',
    parts: (n: string, encoding: string, units: string) => `${n} 条（${encoding}，共 ${units} 字）`,
    each: (cost: string) => `每人约 ${cost}`,
    forces: (char: string, at: string) =>
      `第 ${at} 个字符“${char}”使整条短信改用 UCS-2：每条 70 字，而不是 160。`,
    subject: '主题',
    html: '邮件内容',
    plain: '纯文本版本',
  },
  en: {
    cut: 'The next part begins here',
    parts: (n: string, encoding: string, units: string) =>
      `${n} ${n === '1' ? 'segment' : 'segments'} (${encoding}, ${units} units)`,
    each: (cost: string) => `about ${cost} each`,
    forces: (char: string, at: string) =>
      `Character ${at}, “${char}”, makes it UCS-2: 70 characters a segment, not 160.`,
    subject: 'Subject',
    html: 'The mail',
    plain: 'As plain text',
  },
});
