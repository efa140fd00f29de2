import { serveParent } from '../processes.ts';
import { sendCallbacks, sendLimitEmail, sendLimitHttp } from './limit.ts';
import type { Order } from './orders.ts';
import { sendPlain } from './plain.ts';

/** A process of one client, so that what it costs can be told from all others. */
serveParent<Order>('ready', async (order) => {
  const began = performance.now();
  switch (order.run) {
    case 'limit-sms':
    case 'limit-webhook':
      await sendLimitHttp(order);
      break;
    case 'limit-email':
      await sendLimitEmail(order);
      break;
    case 'callbacks':
      await sendCallbacks(order);
      break;
    default:
      return await sendPlain(order);
  }
  return performance.now() - began;
});
