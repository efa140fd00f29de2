import { words } from './words.ts';

export const admin = words({
  'zh-CN': {
    rota: '值班表',
    rotaText: '谁在何时被通知审批，何时无人',
    users: '用户',
    usersText: '同事、角色、邀请与登录',
    audit: '审计日志',
    auditText: '谁在何时做了什么，查询过谁',
  },
  en: {
    rota: 'Rota',
    rotaText: 'Who is called to approve, when, and when nobody is',
    users: 'Users',
    usersText: 'Colleagues, their roles, invitations and sessions',
    audit: 'Audit log',
    auditText: 'Who did what, and whom they looked up',
  },
});
