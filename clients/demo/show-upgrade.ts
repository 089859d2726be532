// The demo's one act: starts the run, shows it, has its gates answered, kills the worker in the
// middle, and ends with the report.
import { renderReport } from '../../domain/render/report.ts';
import type { RunStatus } from '../../domain/status.ts';
import type { CliContext } from '../cli/context.ts';
import { CliError } from '../cli/errors.ts';
import { readRecordedReport } from '../cli/report-source.ts';
import { whyNoWorker, withTemporal } from '../cli/runs.ts';
import type { TemporalSide } from '../cli/temporal-side.ts';
import { watchRun } from '../cli/watch/watch-run.ts';
import { createGateAnswerer } from './answer-gates.ts';
import { countRootVolumeTasks } from './count-tasks.ts';
import type { DemoOptions } from './options.ts';
import type { WorkerProcess } from './worker-process.ts';

const CLUSTER = 'prod-east';
/** Three nodes at a time, and a person is asked before each of the first three. */
const POLICY = {
  disruption: { unavailableMax: 3 },
  approval: { before: 'node', firstNodes: 3 },
};
// Bundling the workflows takes a few seconds on two cores; a minute means that it failed.
const WORKER_READY_MS = 60_000;
const LOOK_EVERY_MS = 250;
/** A quarter done, and somebody at work: then the worker's death is in the middle of something. */
const KILL_AFTER_PART = 1 / 4;
const MIDST: readonly string[] = ['reimaging', 'rejoining'];

export type Act = {
  context: CliContext;
  options: DemoOptions;
  say: (text: string) => void;
  worker: () => WorkerProcess;
  restartWorker: () => WorkerProcess;
  /** Addresses of this sandbox's own servers. */
  webUi: string;
  ec2Endpoint: string;
};

export async function showUpgrade(act: Act): Promise<void> {
  const { context, options, say } = act;
  await withTemporal(context, {}, async (temporal) => {
    say(`Temporal's Web UI: ${act.webUi}`);
    say(`A worker starts (pid ${String(act.worker().pid)}) …`);
    await awaitWorker(act, temporal);
    const workflowId = await startRun(act, temporal);
    const ask = !options.yes && process.stdin.isTTY === true && context.out.isTTY;
    if (!ask) say('Nobody is asked: the demo approves the first three nodes by itself.');
    const killWorker = createKiller(act);
    let interlude = (): void => undefined;
    const answerGates = createGateAnswerer({
      temporal,
      workflowId,
      by: context.userName(),
      ask,
      say,
      interlude: () => {
        interlude();
      },
      signal: context.interrupted,
    });
    const end = await watchRun(context, temporal, workflowId, {
      output: 'text',
      onStatus: async (status, makeRoom) => {
        interlude = makeRoom;
        await answerGates(status);
        await killWorker(status, makeRoom);
      },
    });
    say(`\nThe run ${end.text}.\n`);
    await showReport(act, workflowId);
    say(`\n${await countRootVolumeTasks(act.ec2Endpoint)}`);
    context.setExitCode(end.exitCode);
  });
}

async function awaitWorker(act: Act, temporal: TemporalSide): Promise<void> {
  const until = Date.now() + WORKER_READY_MS;
  for (;;) {
    if (act.context.interrupted.aborted) throw new CliError('interrupted');
    if (act.worker().hasEnded() || Date.now() > until) {
      throw new CliError('the worker did not start; it said:', { hints: act.worker().logTail().split('\n') });
    }
    if (whyNoWorker(temporal, await temporal.collectWorkers()) === undefined) return;
    await act.context.pause(LOOK_EVERY_MS);
  }
}

async function startRun(act: Act, temporal: TemporalSide): Promise<string> {
  const side = await act.context.fleet({});
  const fleets = await side.collectFleets();
  await side.close();
  const fleet = fleets.find((one) => one.clusters.some((cluster) => cluster.name === CLUSTER));
  if (fleet === undefined) throw new CliError(`the sandbox's fleet file has no cluster ${CLUSTER}`);
  const workflowId = `upgrade.${fleet.name}.${CLUSTER}`;
  const requestedBy = act.context.userName();
  await temporal.start({
    workflowId,
    input: { fleet: fleet.name, cluster: CLUSTER, policy: POLICY, requestedBy },
  });
  act.say(
    `Started, as this command would: refit upgrade ${CLUSTER} --watch --policy '${JSON.stringify(POLICY)}'\n`,
  );
  return workflowId;
}

/** Kills the worker once, with SIGKILL, and starts another: the run must not care. */
function createKiller(act: Act): (status: RunStatus, makeRoom: () => void) => Promise<void> {
  let killed = !act.options.kill;
  let restarted: { done: number } | undefined;
  return async (status, makeRoom) => {
    const { done, total, active, upToDate, leftAlone } = status.counts;
    if (restarted !== undefined && done > restarted.done) {
      makeRoom();
      act.say(`… and on it goes: ${String(done)} nodes are done.\n`);
      restarted = undefined;
    }
    const work = total - upToDate - leftAlone;
    if (killed || active === 0 || done < Math.max(1, Math.floor(work * KILL_AFTER_PART))) return;
    // Best while a root volume is being replaced, since that must not be asked for twice. A drain that
    // dies is taken over only when its heartbeat has been missed for long: a demo need not wait for that.
    const midst = status.active.some((node) => MIDST.includes(node.state));
    const drains = status.active.some((node) => node.state === 'draining');
    if ((!midst || drains) && done < work / 2) return;
    killed = true;
    makeRoom();
    const pid = act.worker().pid;
    const at = status.active.map((node) => `${node.node} ${node.state}`).join(', ');
    await act.worker().kill();
    act.say(`\nkill -9 ${String(pid)}: the worker is dead, in the middle of ${at}.`);
    const next = act.restartWorker();
    restarted = { done };
    act.say(`Another worker starts (pid ${String(next.pid)}); Temporal knows where everything stood.`);
  };
}

async function showReport(act: Act, workflowId: string): Promise<void> {
  const records = await act.context.records();
  const facts = records === undefined ? undefined : await readRecordedReport(records, workflowId);
  if (facts === undefined) {
    act.say(`There is no report of ${workflowId} in the records.`);
    return;
  }
  act.say(renderReport(facts.report, { nodes: facts.nodes ?? [], decisions: facts.decisions ?? [] }));
}
