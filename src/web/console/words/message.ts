import { words } from './words.ts';

export const message = words({
  'zh-CN': {
    cut: '从这里分成下一条',
    parts: (n: string, encoding: string, units: string) => `${n} 条（${encoding}，共 ${units} 字）`,
    subject: '主题',
    html: '邮件内容',
    plain: '纯文本版本',
  },
  en: {
    cut: 'The next part begins here',
    parts: (n: string, encoding: string, units: string) => `${n} segments (${encoding}, ${units} units)`,
    subject: 'Subject',
    html: 'The mail',
    plain: 'As plain text',
  },
});
