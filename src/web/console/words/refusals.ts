import { words } from './words.ts';

/** Why an act was refused, by the error's code, and what to do instead. */
export const refusals = words({
  'zh-CN': {
    'own-announcement': '您参与了撰写，因此不能审批。请另一位审批人处理。',
    'own-suggestion': '这是您提出的修改建议，须由他人采纳。请联系撰稿人。',
    'suggestion-outdated': '建议提出后文字已有改动，不能采纳。可以拒绝，由审批人重新提出。',
    'suggestion-decided': '这条建议已经处理过了。',
    'still-being-called': '审批人正在通知中，暂时不能越权批准。请等最后一位通知满五分钟，或直接联系审批人。',
    'illegal-transition': '通告的状态已发生变化，现在不能这样操作。请查看最新状态。',
    'invalid-announcement': '通告的内容或时间已不能发送，例如有效期已过，或所选主题已停用。请退回修改。',
    'already-superseded': '它要取代的通告已被另一则取代，因此不能再发。请退回，改为取代最新的那一则。',
    'no-provider': '有一个发送渠道尚未配置服务商，因此不能批准。请联系管理员，或退回后取消该渠道。',
    expired: '有效期已过，不能再向市民发送。',
    'last-admin': '这是最后一位管理员，不能停用或改变角色。请先添加另一位。',
    'last-second-factor': '这是最后一种第二重验证方式，不能移除。请先添加另一种。',
  },
  en: {
    'own-announcement': 'You wrote part of it, so somebody else must approve it.',
    'own-suggestion': 'You suggested it, so somebody else must take it over. Ask the author.',
    'suggestion-outdated':
      'The text was changed after the suggestion was made. Decline it; the approver may suggest it anew.',
    'suggestion-decided': 'This suggestion was decided already.',
    'still-being-called':
      'Approvers are still being called, so the glass may not be broken. Wait until the last one had five minutes, or ask one yourself.',
    'illegal-transition':
      'It has changed meanwhile, and this cannot be done to it now. Look at its present state.',
    'invalid-announcement':
      'It cannot be sent as it is any more: it may have expired, or a topic was archived. Return it to its author.',
    'already-superseded':
      'Another one has superseded the announcement that it supersedes. Return it, to supersede that one instead.',
    'no-provider':
      'One of its channels has no provider, so it cannot be approved. Ask an admin, or return it and leave the channel out.',
    expired: 'It has expired, so nothing more may be sent to citizens.',
    'last-admin': 'This is the only admin who is left. Add another one first.',
    'last-second-factor': 'This is the only second factor that is left. Add another one first.',
  },
});
