import { words } from './words.ts';

export const home = words({
  'zh-CN': {
    title: '首页',
    hello: (name: string) => `${name}，您好`,
    waiting: '等待我处理',
    nothingWaiting: '没有待处理的事项',
    nothingWaitingText: '需要您完成或审批的通告会出现在这里。',
    sending: '正在发送',
    nothingSending: '当前没有正在发送的通告',
    health: '系统状况',
    allWell: '一切正常',
    nobodyLeft: (title: string) => `“${title}”无人审批`,
    nobodyLeftText: '已通知所有可联系的审批人，均未答复。请直接联系审批人。提交于',
    breaker: (channel: string) => `${channel} 的服务商拒绝了我们的请求，发送已暂停，恢复后会自动继续。`,
  },
  en: {
    title: 'Home',
    hello: (name: string) => `Hello, ${name}`,
    waiting: 'Waiting for me',
    nothingWaiting: 'Nothing is waiting for you',
    nothingWaitingText: 'Announcements that you have to finish or to approve are shown here.',
    sending: 'Being sent now',
    nothingSending: 'Nothing is being sent',
    health: 'Health',
    allWell: 'All is well',
    nobodyLeft: (title: string) => `Nobody has answered for “${title}”`,
    nobodyLeftText:
      'Every approver who can be called was called, and nobody is left. Reach one of them yourself. Waiting since',
    breaker: (channel: string) =>
      `The provider for ${channel} refuses us. Sending waits, and goes on by itself when it works again.`,
  },
});
