/** What was promised, and what was seen. */
export interface Verdict {
  readonly name: string;
  readonly promised: string;
  readonly measured: string;
  readonly ok: boolean;
  /** The figures behind `measured`. */
  readonly figures?: Readonly<Record<string, unknown>>;
}

/** How long and how large. */
export interface Scale {
  /** A limit is watched for so long. */
  readonly seconds: number;
  /** Citizens of the routine announcement that others overtake, and of the urgent one. */
  readonly routine: number;
  readonly urgent: number;
  /** Citizens of announcements that run from beginning to end. */
  readonly whole: number;
  /**
   * Intervals of at least so many milliseconds decide whether a limit held. What is shorter is a matter of when a busy
   * machine runs which process: it is measured and shown, not judged.
   */
  readonly judgedFromMs: number;
  /** Announcements to one outlet at a time. */
  readonly announcements: number;
}

export const FULL: Scale = {
  seconds: 60,
  routine: 200_000,
  urgent: 1_000,
  whole: 1_500,
  announcements: 200,
  judgedFromMs: 500,
};
export const QUICK: Scale = {
  seconds: 8,
  routine: 20_000,
  urgent: 200,
  whole: 600,
  announcements: 60,
  judgedFromMs: 1_000,
};

/** Nothing for somebody, or of an announcement, later than this after an act. Milliseconds. */
export const HOLDS_WITHIN_MS = 2_000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds as seconds, for people. */
export const inSeconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
