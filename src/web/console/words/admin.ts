import { words } from './words.ts';

export const admin = words({
  'zh-CN': {
    rota: '值班表',
    rotaText: '谁在何时被通知审批，何时无人',
    suppressions: '拒收名单',
    suppressionsText: '谁不再接收、为什么，停发与解除',
    lists: '主题与辖区',
    listsText: '订阅人可以选择的内容',
    'quiet-hours': '免打扰时段',
    'quiet-hoursText': '哪些时间不打扰市民',
    users: '用户',
    usersText: '同事、角色、邀请与登录',
    audit: '审计日志',
    auditText: '谁在何时做了什么，查询过谁',
  },
  en: {
    rota: 'Rota',
    rotaText: 'Who is called to approve, when, and when nobody is',
    suppressions: 'Do not send',
    suppressionsText: 'Who is not written to and why; block and lift',
    lists: 'Topics and districts',
    listsText: 'What subscribers can choose',
    'quiet-hours': 'Quiet hours',
    'quiet-hoursText': 'When citizens are left in peace',
    users: 'Users',
    usersText: 'Colleagues, their roles, invitations and sessions',
    audit: 'Audit log',
    auditText: 'Who did what, and whom they looked up',
  },
});
