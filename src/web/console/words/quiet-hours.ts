import { words } from './words.ts';

export const quietHours = words({
  'zh-CN': {
    title: '免打扰时段',
    intro: (zone: string) =>
      `在此时段内，普通和一般通告会等到时段结束再发；紧急通告和单独发送的消息照常发出。时间为 ${zone}。`,
    none: '没有免打扰时段：随时发送。',
    held: (from: string, until: string) => `每天 ${from} 至 ${until}`,
    overnight: (from: string, until: string) => `每天 ${from} 至次日 ${until}`,
    from: (channel: string) => `${channel}：开始`,
    until: (channel: string) => `${channel}：结束`,
    set: '保存',
    clear: '取消免打扰',
    clearOf: (channel: string) => `取消免打扰：${channel}`,
    saved: '已保存，两秒内生效。',
    cleared: '已取消。',
    same: '结束须与开始不同。',
    only: '只有管理员可以修改。',
  },
  en: {
    title: 'Quiet hours',
    intro: (zone: string) =>
      `Normal and routine announcements wait until they are over; urgent ones and single messages go all the same. Times are those of ${zone}.`,
    none: 'No quiet hours: messages go at any time.',
    held: (from: string, until: string) => `Every day from ${from} to ${until}`,
    overnight: (from: string, until: string) => `Every day from ${from} to ${until} of the next day`,
    from: (channel: string) => `${channel}: from`,
    until: (channel: string) => `${channel}: until`,
    set: 'Save',
    clear: 'No quiet hours',
    clearOf: (channel: string) => `No quiet hours for ${channel}`,
    saved: 'Saved; it holds within two seconds.',
    cleared: 'Cleared.',
    same: 'It must end at another time than it starts.',
    only: 'Only admins can change them.',
  },
});
