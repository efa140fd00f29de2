import type { Channel } from '../../../domain/channel.ts';
import type { ConsoleLocale } from '../../../pipeline/account-store.ts';

interface Reason {
  readonly channel?: Channel;
  readonly code: RegExp;
  readonly says: Readonly<Record<ConsoleLocale, readonly [why: string, whatToDo: string]>>;
}

const NOTHING = { 'zh-CN': '无需处理。', en: 'Nothing to do.' } as const;
const reason = (
  code: RegExp,
  zh: readonly [string, string?],
  en: readonly [string, string?],
  channel?: Channel,
): Reason => ({
  code,
  ...(channel && { channel }),
  says: { 'zh-CN': [zh[0], zh[1] ?? NOTHING['zh-CN']], en: [en[0], en[1] ?? NOTHING.en] },
});

/** What providers' codes mean to a press office, and what it can do about them. First match wins. */
const REASONS: readonly Reason[] = [
  reason(/^(21610|left|opted-out)$/, ['已退订'], ['They have left']),
  reason(/^suppressed$/, ['已退订或被屏蔽'], ['They have left, or are blocked']),
  reason(/^30003$/, ['手机关机或不在服务区'], ['The phone is switched off or out of reach']),
  reason(
    /^(21211|21614|21635|30005|30006)$/,
    ['号码无效或是座机', '可在订阅人中更正号码。'],
    ['Not a mobile number in use', 'The number can be corrected under Subscribers.'],
  ),
  reason(
    /^(30004|30007|21617)$/,
    ['运营商拒绝了短信内容', '请检查文字；如误判，请联系服务商。'],
    ['The carrier refused the text', 'Look at the text; if it is a mistake, ask the provider.'],
  ),
  reason(
    /^(20429|14107|30001|30017|21611|63017)$/,
    ['服务商要求放慢速度', '系统会自动重试。'],
    ['The provider asks for fewer messages', 'Herald tries again by itself.'],
  ),
  reason(
    /^(20003|20404|21408|21606|21608|21609|21701|30002|30018|3003[247]|3004[0-2]|30022|30023|30027|63038)$/,
    ['服务商不接受我方账户或发送号码', '请联系管理员检查服务商设置。'],
    ['The provider does not take our account or sender', 'Ask an admin to check the provider’s settings.'],
  ),
  reason(/^(30036|expired|validity)$/, ['未能在有效期内发出'], ['Not sent in time']),
  reason(
    /^no-receipt$/,
    ['已发出，但服务商没有回执', '无法确认是否收到。'],
    ['Sent, but the provider has no receipt', 'Whether it arrived cannot be told.'],
  ),
  reason(/^30008$/, ['运营商未说明原因'], ['The carrier gives no reason']),
  reason(/5\.2\.2|^552/, ['邮箱已满'], ['The mailbox is full'], 'email'),
  reason(
    /5\.1\.\d|^55[013]$/,
    ['邮箱不存在', '可在订阅人中更正地址。'],
    ['There is no such mailbox', 'The address can be corrected under Subscribers.'],
    'email',
  ),
  reason(
    /5\.7\.\d|^554/,
    ['对方邮件服务器按策略拒收', '如数量很多，请管理员检查 SPF、DKIM 和 DMARC。'],
    ['The mail server refuses us by policy', 'If they are many, an admin should check SPF, DKIM and DMARC.'],
    'email',
  ),
  reason(
    /^4\d\d|4\.\d\.\d/,
    ['对方邮件服务器暂不接收', '系统会自动重试。'],
    ['The mail server does not take it now', 'Herald tries again by itself.'],
    'email',
  ),
  reason(
    /^HTTP 410$/,
    ['媒体已关闭接收地址', '请与该媒体确认新的地址。'],
    ['The outlet has closed this address', 'Ask the outlet for its new one.'],
    'webhook',
  ),
  reason(
    /^HTTP (3|4)\d\d$/,
    ['媒体的接收地址拒绝了请求', '请与该媒体联系；三天内会继续重试。'],
    ['The outlet’s address refuses the request', 'Tell the outlet; Herald goes on trying for three days.'],
    'webhook',
  ),
  reason(
    /^HTTP 5\d\d$/,
    ['媒体的服务器出错', '三天内会继续重试。'],
    ['The outlet’s server fails', 'Herald goes on trying for three days.'],
    'webhook',
  ),
  reason(
    /TIMEDOUT|TIMEOUT|ECONN|ENOTFOUND|SOCKET|EDNS/,
    ['对方没有回应', '系统会自动重试。'],
    ['No answer', 'Herald tries again by itself.'],
  ),
  reason(
    /^(no-route|too-many-segments|render-failed|endpoint-url-refused)$/,
    ['无法发送到这个地址', '请联系管理员。'],
    ['It cannot be sent to this address', 'Ask an admin.'],
  ),
  reason(
    /^worker-died$/,
    ['发送程序反复中断', '请联系管理员查看日志。'],
    ['The sending process kept dying over it', 'Ask an admin to look at the log.'],
  ),
];

const OTHER: Reason['says'] = {
  'zh-CN': ['其他原因', '如数量很多，请联系管理员。'],
  en: ['Another reason', 'If they are many, ask an admin.'],
};

/** Why, and what to do about it, in plain words; `index` is the same for codes that mean the same. */
export function reasonFor(
  locale: ConsoleLocale,
  channel: Channel,
  code: string,
): { readonly index: number; readonly why: string; readonly whatToDo: string } {
  const index = REASONS.findIndex(
    (one) => (one.channel === undefined || one.channel === channel) && one.code.test(code),
  );
  const [why, whatToDo] = (REASONS[index]?.says ?? OTHER)[locale];
  return { index, why, whatToDo };
}
