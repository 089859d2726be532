// What a command gets from outside: writers, terminal, settings, the way to Temporal and to the fleet.
// Commands must never reach for `process` themselves, so that a test can hand in all of it.
import type { Records } from '../../adapters/ports/records.ts';
import type { FleetSide } from './fleet-side.ts';
import type { ConnectionFlags } from './connection.ts';
import type { ExitCode } from './exit-codes.ts';
import type { TemporalSide } from './temporal-side.ts';

export type Writer = {
  write: (text: string) => void;
  isTTY: boolean;
  columns: number;
  rows: number;
};

export type LiveRegion = { show: (text: string) => void; done: () => void };

export type Environment = Readonly<Record<string, string | undefined>>;

export type CliContext = {
  /** Facts, and nothing else. */
  out: Writer;
  /** Prose, progress and errors. */
  err: Writer;
  env: Environment;
  /** Name of the operating system's user: the default of `--by`. */
  userName: () => string;
  now: () => Date;
  pause: (ms: number) => Promise<void>;
  /** Aborted at the first ctrl-C. */
  interrupted: AbortSignal;
  /** A command that says so ends by itself after ctrl-C. */
  ownInterrupt: () => void;
  /** Commands say how they ended; without a word it is 0. */
  setExitCode: (code: ExitCode) => void;
  connect: (flags: ConnectionFlags) => Promise<TemporalSide>;
  fleet: (o: { fleetPath?: string | undefined }) => Promise<FleetSide>;
  /** undefined when REFIT_RECORDS names none. */
  records: () => Promise<Records | undefined>;
  /** Asks the person at the terminal; undefined when there is none. Answers undefined on ctrl-C. */
  askYesNo: ((question: string) => Promise<boolean | undefined>) | undefined;
  /** A part of the terminal that is overwritten at each change. */
  liveRegion: () => LiveRegion;
  /** Is a worker until it is told to stop. */
  runWorker: (env: Environment) => Promise<void>;
};
