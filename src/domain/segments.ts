/** How an SMS is cut for the air: GSM 03.38 (GSM-7) or UCS-2, and into how many parts. */
export interface Segments {
  readonly encoding: 'GSM-7' | 'UCS-2';
  /** Parts on the air; what the provider bills and limits. */
  readonly count: number;
  /** Characters used, in units of the encoding (septets, or UTF-16 code units). */
  readonly units: number;
}
