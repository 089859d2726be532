// How long work tells what it is doing. Progress goes to stderr and never to stdout, which belongs to
// the facts that a command prints.

/** `line` is said once and stays; `ticking` replaces the one before it where the output can do so. */
export type ProgressEvent = { kind: 'line'; text: string } | { kind: 'ticking'; text: string };
export type OnProgress = (event: ProgressEvent) => void;

interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write: (text: string) => unknown;
}

// A log that is read later needs to see that work goes on, not every second of it.
const PIPED_TICK_EVERY_MS = 15_000;
const ERASE_LINE = '\r\u001b[2K';

/** Rewrites one line on a terminal; prints a plain line now and then where there is none. */
export function progressTo(stream: ProgressStream): OnProgress {
  let ticking = false;
  let lastTick = 0;
  return (event) => {
    if (event.kind === 'line') {
      stream.write(`${ticking ? ERASE_LINE : ''}${event.text}\n`);
      ticking = false;
      lastTick = performance.now();
    } else if (stream.isTTY === true) {
      const width = (stream.columns ?? 80) - 1;
      stream.write(`${ERASE_LINE}${event.text.slice(0, width)}`);
      ticking = true;
    } else if (performance.now() - lastTick >= PIPED_TICK_EVERY_MS) {
      stream.write(`${event.text}\n`);
      lastTick = performance.now();
    }
  };
}

/** `75` → `1 min 15 s`. */
export function renderSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${String(whole)} s` : `${String(minutes)} min ${String(whole % 60)} s`;
}
