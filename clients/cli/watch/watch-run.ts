// Follows a run to its end: a live picture on a terminal, lines in a pipe. It must survive what the
// run survives (a worker killed, the server restarted): it says that it lost sight, and looks again.
import { printable } from '../../../domain/render/printable.ts';
import type { RunStatus } from '../../../domain/status.ts';
import type { CliContext } from '../context.ts';
import { CliError, explainError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { Format } from '../output.ts';
import { isForPrograms, say } from '../output.ts';
import { summarizeEnd } from '../run-end.ts';
import type { EndSummary } from '../run-end.ts';
import { sayTroubles, whyNoWorker, START_WORKER_HINT } from '../runs.ts';
import { NoAnswer } from '../temporal-side.ts';
import type { TemporalSide } from '../temporal-side.ts';
import { renderChanges } from './changes.ts';
import { renderLive } from './live.ts';

// A line or two of a terminal.
const NOTE_CHARS_MAX = 200;
// A person sees a change within a second; a run answers hundreds of queries a second.
const LOOK_EVERY_MS = 1_000;

type Watch = {
  context: CliContext;
  temporal: TemporalSide;
  workflowId: string;
  picture: Picture;
};

type Look =
  | { kind: 'seen'; status: RunStatus; troubles: readonly string[] }
  | { kind: 'ended'; status: RunStatus | undefined; end: EndSummary }
  | { kind: 'lost'; why: string };

export type WatchOptions = {
  output: Format;
  /** Called at each look; `interlude` makes room below what is shown for something else. */
  onStatus?: (status: RunStatus, interlude: () => void) => Promise<void>;
};

/** Answers how the run ended. Throws CliError 130 when it was interrupted. */
export async function watchRun(
  context: CliContext,
  temporal: TemporalSide,
  workflowId: string,
  o: WatchOptions,
): Promise<EndSummary> {
  context.ownInterrupt();
  const picture = choosePicture(context, o.output);
  const watch: Watch = { context, temporal, workflowId, picture };
  try {
    return await followToEnd(watch, o);
  } finally {
    picture.done();
  }
}

async function followToEnd(watch: Watch, o: WatchOptions): Promise<EndSummary> {
  const { context, picture } = watch;
  const interruption = aborted(context.interrupted);
  for (;;) {
    if (context.interrupted.aborted) throw interruptedError(watch.workflowId);
    const look = await Promise.race([lookAt(watch), interruption]);
    if (look === 'interrupted') continue;
    if (look.kind === 'lost') picture.lost(look.why);
    if (look.kind === 'seen') {
      picture.show(look.status, look.troubles);
      await o.onStatus?.(look.status, picture.done);
    }
    if (look.kind === 'ended') {
      if (look.status !== undefined) picture.show(look.status, []);
      return look.end;
    }
    await context.pause(LOOK_EVERY_MS);
  }
}

/** A look may take as long as a query's deadline; nobody waits for that after ctrl-C. */
function aborted(signal: AbortSignal): Promise<'interrupted'> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve('interrupted');
    });
  });
}

function interruptedError(workflowId: string): CliError {
  return new CliError('interrupted; the run goes on', {
    exitCode: EXIT.interrupted,
    hints: [`Follow it again: refit status -w ${workflowId} --watch`],
  });
}

async function lookAt(watch: Watch): Promise<Look> {
  const { temporal, workflowId } = watch;
  try {
    const run = await temporal.describe(workflowId);
    if (run === undefined) {
      throw new CliError(`Temporal knows no run ${workflowId} (any more)`, {
        hints: [`Its report may stand in the records: refit report ${workflowId}`],
      });
    }
    if (run.closedAt === null) return await askStatus(temporal, workflowId, run.troubles);
    const end = summarizeEnd(await temporal.collectEnd(workflowId));
    const last = await askStatus(temporal, workflowId, []);
    return { kind: 'ended', status: last.kind === 'seen' ? last.status : undefined, end };
  } catch (error) {
    if (error instanceof CliError) throw error;
    return { kind: 'lost', why: explainError(error) };
  }
}

async function askStatus(
  temporal: TemporalSide,
  workflowId: string,
  troubles: readonly string[],
): Promise<Extract<Look, { kind: 'seen' | 'lost' }>> {
  const why = whyNoWorker(temporal, await temporal.collectWorkers());
  if (why !== undefined) return { kind: 'lost', why: `${why}. ${START_WORKER_HINT}` };
  try {
    return { kind: 'seen', status: await temporal.query(workflowId, 'status'), troubles };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return { kind: 'lost', why: 'no worker answers; the run goes on as soon as one does' };
  }
}

/** How a watcher is shown what is seen. */
type Picture = {
  show: (status: RunStatus, troubles: readonly string[]) => void;
  lost: (why: string) => void;
  done: () => void;
};

function choosePicture(context: CliContext, output: Format): Picture {
  if (isForPrograms(output)) return jsonLines(context);
  return context.out.isTTY ? livePicture(context) : changeLines(context);
}

function livePicture(context: CliContext): Picture {
  const region = context.liveRegion();
  let last: RunStatus | undefined;
  const draw = (notes: readonly string[]): void => {
    const lines = last === undefined ? [] : [renderLive(context, last)];
    region.show([...lines, ...notes].join('\n'));
  };
  return {
    show: (status, troubles) => {
      last = status;
      // One: the picture must not outgrow the terminal.
      draw(
        troubles.slice(0, 1).map((one) => `(fails and is tried again: ${printable(one, NOTE_CHARS_MAX)})`),
      );
    },
    lost: (why) => {
      draw([`(${why})`]);
    },
    done: () => {
      region.done();
    },
  };
}

function changeLines(context: CliContext): Picture {
  let last: RunStatus | undefined;
  let lostWhy: string | undefined;
  const tellTroubles = createTroubleTeller(context);
  return {
    show: (status, troubles) => {
      if (lostWhy !== undefined) say(context, 'the run answers again');
      lostWhy = undefined;
      const at = context.now().toISOString().slice(11, 19);
      for (const line of renderChanges(last, status)) context.out.write(`${at} ${line}\n`);
      tellTroubles(troubles);
      last = status;
    },
    lost: (why) => {
      if (lostWhy === undefined) say(context, why);
      lostWhy = why;
    },
    done: () => undefined,
  };
}

/** Says each once, for as long as it lasts. */
function createTroubleTeller(context: CliContext): (troubles: readonly string[]) => void {
  let told: readonly string[] = [];
  return (troubles) => {
    sayTroubles(
      context,
      troubles.filter((one) => !told.includes(one)),
    );
    told = troubles;
  };
}

/** One JSON document a line, for each change: a program reads them as they come. */
function jsonLines(context: CliContext): Picture {
  let last = '';
  const tellTroubles = createTroubleTeller(context);
  return {
    show: (status, troubles) => {
      tellTroubles(troubles);
      const text = JSON.stringify(status);
      if (text !== last) context.out.write(`${text}\n`);
      last = text;
    },
    lost: (why) => {
      say(context, why);
    },
    done: () => undefined,
  };
}
