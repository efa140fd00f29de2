import type { OutgoingEmail } from '../../../src/pipeline/ports.ts';

let serial = 0;

/** A mail with a delivery id of its own. */
export function outgoingEmail(changes: Partial<OutgoingEmail> = {}): OutgoingEmail {
  const deliveryId = `dlv_${String(++serial).padStart(26, '0')}`;
  return {
    deliveryId,
    attempt: 1,
    address: `citizen-${serial}@example.org`,
    content: {
      channel: 'email',
      subject: '协查通报：滨江路盗窃案',
      text: '请知情者与我们联系。\n.一行以点开头\n',
      html: '<html lang="zh-CN"><body><div lang="zh-CN"><p>请知情者与我们联系。</p></div></body></html>',
      locale: 'zh-CN',
    },
    leaveUrl: 'https://notices.police.example/u/TokenOfThisOne_1-x',
    announcementId: 'ann_2',
    supersededIds: [],
    ...changes,
  };
}

export const IDENTITY = {
  from: '滨江公安 <notice@police.example>',
  bounceAddress: 'bounce@bounces.police.example',
  messageIdDomain: 'mail.police.example',
  listId: 'notices.police.example',
  oneClickMail: 'leave@bounces.police.example',
} as const;
