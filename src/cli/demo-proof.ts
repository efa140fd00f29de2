import type { Channel } from '../domain/channel.ts';
import { groupBy } from '../domain/group-by.ts';
import type { Recipient, Refusal } from './demo-expected.ts';

/** One message in the sandbox's own ledger. */
export interface Entry {
  readonly channel: Channel;
  readonly deliveryId?: string;
  readonly address: string;
  readonly gatewayMessageId: string;
  /** What the gateway told Herald about it, and what Herald answered. */
  readonly told?: { readonly status: string; readonly code?: string; readonly answer: number | null };
}

/** One delivery as Herald shows it. */
export interface Row {
  readonly id: string;
  readonly channel: Channel;
  readonly status: string;
  readonly code: string | null;
  /** Of a webhook: the endpoint's URL. */
  readonly address: string;
  readonly providerMessageId: string | null;
}

/** Lists that were made independently of each other. */
export interface Evidence {
  /** From the citizens' file: everybody in the audience, also who has left since. */
  readonly recipients: readonly Recipient[];
  /** `channel address` of everybody who left before the approval. */
  readonly left: ReadonlySet<string>;
  /** Lines that the import had to refuse, and those that Herald refused. */
  readonly refusals: { readonly known: readonly Refusal[]; readonly told: readonly Refusal[] };
  readonly ledger: readonly Entry[];
  readonly rows: readonly Row[];
}

export interface Proof {
  /** Addresses that had to be written to. */
  readonly recipients: number;
  /** Messages compared one by one. */
  readonly compared: number;
  /** Messages too many. */
  readonly duplicates: number;
  readonly missing: number;
  readonly afterLeaving: number;
  /** Every disagreement, in words. */
  readonly problems: readonly string[];
}

interface Finding {
  readonly kind: 'missing' | 'duplicate' | 'after-leaving' | 'stray' | 'disagree' | 'import';
  readonly text: string;
  readonly times?: number;
}

/** All that is known of one address. */
interface Case {
  readonly name: string;
  readonly recipient: Recipient | undefined;
  readonly hasLeft: boolean;
  readonly rows: readonly Row[];
  readonly entries: readonly Entry[];
}

/** Name of an address in all lists. */
export const nameOf = (one: { readonly channel: Channel; readonly address: string }): string =>
  `${one.channel} ${one.address}`;

/**
 * Compares who had to be written to, what the gateways have taken and told, and what Herald's receipts say: address by
 * address, so that whoever is in one list only is seen.
 */
export function prove({ recipients, left, refusals, ledger, rows }: Evidence): Proof {
  const wanted = groupBy(recipients, nameOf);
  const rowsOf = groupBy(rows, nameOf);
  const entriesOf = groupBy(ledger, nameOf);
  const names = new Set([...wanted.keys(), ...rowsOf.keys(), ...entriesOf.keys()]);
  const findings = [...names].flatMap((name) =>
    examine({
      name,
      recipient: wanted.get(name)?.[0],
      hasLeft: left.has(name),
      rows: rowsOf.get(name) ?? [],
      entries: entriesOf.get(name) ?? [],
    }),
  );
  findings.push(...examineImport(refusals));
  const due = [...wanted.keys()].filter((name) => !left.has(name)).length;
  // Nothing proves nothing.
  if (due === 0) findings.push({ kind: 'missing', text: 'missing: there was nobody to write to' });
  const count = (kind: Finding['kind']) =>
    findings.filter((f) => f.kind === kind).reduce((sum, { times = 1 }) => sum + times, 0);
  return {
    recipients: due,
    compared: rows.length,
    duplicates: count('duplicate'),
    missing: count('missing'),
    afterLeaving: count('after-leaving'),
    problems: findings.map(({ text }) => text),
  };
}

function examine(one: Case): Finding[] {
  const { name, recipient, hasLeft, rows, entries } = one;
  if (hasLeft) {
    const active = rows.find((row) => row.status !== 'suppressed');
    if (entries.length === 0 && !active) return [];
    const says = active ? `; Herald says ${shown(active)}` : '';
    return [
      {
        kind: 'after-leaving',
        text: `after leaving: ${name} was written to ${entries.length} times${says}`,
        times: Math.max(entries.length, 1),
      },
    ];
  }
  if (!recipient) {
    const where = `${rows.length} deliveries, ${entries.length} messages at the gateway`;
    return [{ kind: 'stray', text: `stray: ${name} was not to be written to (${where})` }];
  }
  const findings: Finding[] = [];
  const messages = copies(entries);
  const times = Math.max(rows.length, messages) - 1;
  if (times > 0) {
    const text = `duplicate: ${name} has ${rows.length} deliveries, and the gateway took ${messages} messages`;
    findings.push({ kind: 'duplicate', text, times });
  }
  const [row] = rows;
  if (!row) return [...findings, { kind: 'missing', text: `missing: no delivery for ${name}` }];
  return [...findings, ...compare(name, recipient, row, entries[0])];
}

/** A webhook may be repeated under its id; whoever gets it can tell. An SMS or a mail may not. */
function copies(entries: readonly Entry[]): number {
  const repeatable = entries.filter((entry) => entry.channel === 'webhook');
  return (
    entries.length -
    repeatable.length +
    new Set(repeatable.map(({ gatewayMessageId }) => gatewayMessageId)).size
  );
}

/** One delivery against what had to become of it, and against the gateway's own account of it. */
function compare(name: string, { end }: Recipient, row: Row, entry: Entry | undefined): Finding[] {
  const disagreements: string[] = [];
  const must = { status: end.status, code: end.code };
  if (!isSame(row, must)) disagreements.push(`had to end ${shown(must)}, Herald says ${shown(row)}`);
  if (!entry) {
    const findings = disagreements.map((text) => disagreement(name, text));
    const taken = end.taken || row.providerMessageId !== null;
    if (taken) findings.push({ kind: 'missing', text: `missing: ${name} is not in the gateway's ledger` });
    return findings;
  }
  if (!end.taken) disagreements.push('had to be refused, and the gateway took it');
  if (entry.deliveryId !== row.id)
    disagreements.push(`is the delivery ${row.id}, the gateway's message is of ${entry.deliveryId}`);
  if (entry.gatewayMessageId !== row.providerMessageId)
    disagreements.push(
      `has the receipt ${row.providerMessageId}, the gateway's is ${entry.gatewayMessageId}`,
    );
  const told = accountOf(entry);
  if (!isSame(row, told)) disagreements.push(`is ${shown(row)}, the gateway told ${shown(told)}`);
  const answer = entry.told?.answer ?? null;
  if (entry.told && (answer === null || answer < 200 || answer > 299))
    disagreements.push(`was told to be ${entry.told.status}, and the answer was ${answer ?? 'none'}`);
  return disagreements.map((text) => disagreement(name, text));
}

const disagreement = (name: string, text: string): Finding => ({ kind: 'disagree', text: `${name} ${text}` });

interface End {
  readonly status: string;
  readonly code: string | null;
}
const isSame = (a: End, b: End): boolean => a.status === b.status && a.code === b.code;
const shown = ({ status, code }: End): string => (code === null ? status : `${status} ${code}`);

/** What a gateway's word means for a receipt. It has said by taking the message that it was sent. */
const MEANS: Readonly<Record<Channel, Readonly<Record<string, string>>>> = {
  sms: {
    queued: 'sent',
    sent: 'sent',
    delivered: 'delivered',
    undelivered: 'undelivered',
    failed: 'failed',
  },
  email: { failed: 'undelivered', delayed: 'sent' },
  webhook: {},
};

function accountOf({ channel, told }: Entry): End {
  // Whoever has a webhook has answered it.
  if (!told) return { status: channel === 'webhook' ? 'delivered' : 'sent', code: null };
  const status = MEANS[channel][told.status] ?? told.status;
  return { status, code: status === 'sent' ? null : (told.code ?? null) };
}

/** The lines that Herald refused must be the bad ones, for the right reasons. */
function examineImport({ known, told }: Evidence['refusals']): Finding[] {
  const line = (one: Refusal) => `line ${one.line} (${one.code})`;
  const [must, did] = [new Set(known.map(line)), new Set(told.map(line))];
  return [
    ...[...must].filter((one) => !did.has(one)).map((one) => `import: ${one} was not refused`),
    ...[...did].filter((one) => !must.has(one)).map((one) => `import: ${one} was refused`),
  ].map((text) => ({ kind: 'import', text }));
}
