import { words } from './words.ts';

export const admin = words({
  'zh-CN': {
    rota: '值班表',
    rotaText: '谁在何时被通知审批，何时无人',
    users: '用户',
    usersText: '同事、角色、邀请与登录',
  },
  en: {
    rota: 'Rota',
    rotaText: 'Who is called to approve, when, and when nobody is',
    users: 'Users',
    usersText: 'Colleagues, their roles, invitations and sessions',
  },
});
