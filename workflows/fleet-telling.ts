// Runs beside a run's loop: tells people what they should know without asking. Must never hold the run, nor
// write a single event where nobody is to be told. What does not get through is told in the run's own events.
import { condition } from '@temporalio/workflow';
import { failureText, notifying } from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import { apply } from './fleet-run.ts';
import type { FleetRun } from './fleet-run.ts';
import { listUntold, noticeOf, noticeOfFailedStart, targetsOf } from '../domain/machines/fleet-news.ts';
import type { News } from '../domain/machines/fleet-news.ts';
import type { Notice, NotificationTarget } from '../domain/notification.ts';

/** Gates of one offer open within one task; the first failures of a bad image within seconds. */
const GATHER_MS = 5_000;
/** A place that is away must not fill the history with messages on their way: the next ones are gathered. */
const ON_THE_WAY_MAX = 10;
/** The run has ended and its cluster is free: so long a last message is waited for, then it is given up. */
const END_WAIT_MS = 30_000;

export async function tellPeople(run: FleetRun): Promise<void> {
  for (;;) {
    await condition(() => listNew(run).length > 0 && run.telling.messages < ON_THE_WAY_MAX);
    await condition(() => run.state.outcome !== null, GATHER_MS, { summary: 'gathers what people are told' });
    const news = listNew(run);
    for (const event of new Set(news.map((one) => one.event))) {
      void tell(
        run,
        news.filter((one) => one.event === event),
      );
    }
  }
}

/** Empty where nobody is to be told of anything. */
function listNew(run: FleetRun): readonly News[] {
  if (!run.loaded || targetsOf(run.state).length === 0) return [];
  return listUntold(run.state, run.scope).filter(({ key }) => !run.telling.keys.has(key));
}

/** What is on its way when the run continues as new is told again by the next, under the same id. */
async function tell(run: FleetRun, news: readonly News[]): Promise<void> {
  const [first] = news;
  if (first === undefined) return;
  const keys = news.map(({ key }) => key);
  for (const key of keys) run.telling.keys.add(key);
  run.telling.messages += 1;
  const notice = noticeOf(run.state, run.ids, first.event, news);
  // Each as soon as it is given up: the others may be tried for minutes yet.
  await sendNotice(targetsOf(run.state), [run.ids.firstExecutionRunId, ...keys], notice, (why) => {
    apply(run, { kind: 'told', keys: [], lost: [why] });
  });
  run.telling.messages -= 1;
  for (const key of keys) run.telling.keys.delete(key);
  apply(run, { kind: 'told', keys, lost: [] });
}

/** To each place that wants this event; answers, in words, which of them it did not reach. */
export async function sendNotice(
  targets: readonly NotificationTarget[],
  about: readonly string[],
  notice: Notice,
  givenUp: (why: string) => void = () => undefined,
): Promise<readonly string[]> {
  const at = workflowNow();
  const { event } = notice;
  const send = async (target: NotificationTarget): Promise<string[]> => {
    try {
      await notifying(`${event} to ${target.name}`).notify({ target, about, at, notice });
      return [];
    } catch (error) {
      const why = `${event}: ${failureText(error)}`;
      givenUp(why);
      return [why];
    }
  };
  const wanted = targets.filter(({ events }) => events.includes(event));
  return (await Promise.all(wanted.map(send))).flat();
}

/** After everything else: whoever waits for the cluster has it already. */
export async function tellTheEnd(run: FleetRun): Promise<void> {
  if (targetsOf(run.state).length === 0) return;
  const settled = () => run.telling.messages === 0 && listNew(run).length === 0;
  if (await condition(settled, END_WAIT_MS, { summary: 'the last messages to people' })) return;
  const keys = [...run.telling.keys];
  const lost = [`${String(run.telling.messages)} messages were still on their way at the end of the run`];
  apply(run, { kind: 'told', keys, lost });
}

/** The run fails before it has a plan: whoever started it by a schedule would hear of it from nobody else. */
export async function tellFailedStart(run: FleetRun, why: string): Promise<void> {
  const targets = targetsOf(run.state);
  if (targets.length === 0) return;
  const notice = noticeOfFailedStart(run.state, run.ids, why);
  let sent = false;
  void sendNotice(targets, [run.ids.firstExecutionRunId, 'start'], notice).then(() => {
    sent = true;
  });
  await condition(() => sent, END_WAIT_MS, { summary: 'the last messages to people' });
}
