// Runs beside the loop of a run or a promotion: tells people what they should know without asking. Must never
// hold it, nor write a single event where nobody is to be told. What does not get through is told in its events.
import { condition } from '@temporalio/workflow';
import { failureText, notifying } from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import type { News } from '../domain/machines/fleet-news.ts';
import type { Notice, NotificationEvent, NotificationTarget } from '../domain/notification.ts';

/** Gates of one offer open within one task; the first failures of a bad image within seconds. */
const GATHER_MS = 5_000;
/** A place that is away must not fill the history with messages on their way: the next ones are gathered. */
const ON_THE_WAY_MAX = 10;
/** It has ended, and nobody waits for it any more: so long a last message is waited for, then it is given up. */
export const END_WAIT_MS = 30_000;

/** What is on its way. */
export type Telling = { keys: Set<string>; messages: number };

export function newTelling(): Telling {
  return { keys: new Set(), messages: 0 };
}

/** Who tells: everything is asked anew each time, since the state moves on. */
export type Teller = {
  telling: Telling;
  /** The first of the chain: part of each message's id. */
  runId: string;
  targets: () => readonly NotificationTarget[];
  /** What nobody was told of yet, be it on its way or not. */
  listUntold: () => readonly News[];
  noticeOf: (event: NotificationEvent, news: readonly News[]) => Notice;
  hasEnded: () => boolean;
  told: (o: { keys: readonly string[]; lost: readonly string[] }) => void;
};

export async function tellPeople(teller: Teller): Promise<void> {
  for (;;) {
    await condition(() => listNew(teller).length > 0 && teller.telling.messages < ON_THE_WAY_MAX);
    await condition(() => teller.hasEnded(), GATHER_MS, { summary: 'gathers what people are told' });
    const news = listNew(teller);
    for (const event of new Set(news.map((one) => one.event))) {
      void tell(
        teller,
        news.filter((one) => one.event === event),
      );
    }
  }
}

/** Empty where nobody is to be told of anything. */
function listNew(teller: Teller): readonly News[] {
  if (teller.targets().length === 0) return [];
  return teller.listUntold().filter(({ key }) => !teller.telling.keys.has(key));
}

/** What is on its way when the run continues as new is told again by the next, under the same id. */
async function tell(teller: Teller, news: readonly News[]): Promise<void> {
  const [first] = news;
  if (first === undefined) return;
  const { telling } = teller;
  const keys = news.map(({ key }) => key);
  for (const key of keys) telling.keys.add(key);
  telling.messages += 1;
  const notice = teller.noticeOf(first.event, news);
  // Each as soon as it is given up: the others may be tried for minutes yet.
  await sendNotice(teller.targets(), [teller.runId, ...keys], notice, (why) => {
    teller.told({ keys: [], lost: [why] });
  });
  telling.messages -= 1;
  for (const key of keys) telling.keys.delete(key);
  teller.told({ keys, lost: [] });
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

/** After everything else: nothing waits for this any more. */
export async function tellTheEnd(teller: Teller): Promise<void> {
  if (teller.targets().length === 0) return;
  const { telling } = teller;
  const settled = () => telling.messages === 0 && listNew(teller).length === 0;
  if (await condition(settled, END_WAIT_MS, { summary: 'the last messages to people' })) return;
  const lost = [`${String(telling.messages)} messages were still on their way at the end of the run`];
  teller.told({ keys: [...telling.keys], lost });
}
