// Which refusals of the tools are those of a busy server, and no answer to what was asked: whoever asked asks again,
// as a person would. Must never hide a refusal that says something of what was asked for.
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { QUERY_AHEAD_OF_TASK } from '../../workflows/messages.ts';

export type Said = { code: number | null; stdout: string; stderr: string };

type Tool = 'temporal' | 'kubectl' | 'refit';

const PAUSE_MS = 250;

/** On stderr, in whatever letters. */
const BUSY: Readonly<Record<Tool, readonly string[]>> = {
  temporal: [
    // A server keeps one waiting query a workflow, and refuses a second at once.
    'consistent query buffer is full',
    QUERY_AHEAD_OF_TASK,
    'deadline exceeded',
    'code = unavailable',
    'connection refused',
    'connection reset',
    'resource exhausted',
    'resourceexhausted',
    'workflow is busy',
    'shard status unknown',
    'query timed out',
  ],
  kubectl: [
    'etcdserver:',
    'tls handshake timeout',
    'connection refused',
    'connection reset',
    'connection lost',
    'unexpected eof',
    'i/o timeout',
    'client.timeout exceeded',
    'context deadline exceeded',
    'currently unable to handle the request',
    'unable to return a response in the time allotted',
    'too many requests',
    'the object has been modified',
  ],
  refit: ['its worker is busy or has just died', 'temporal does not answer at'],
};

/** What a command that was heard in spite of all finds at its second try. */
const DONE_ALREADY: ReadonlyMap<string, RegExp> = new Map([
  ['start', /already (started|running)/i],
  ['terminate', /already completed|not found/i],
  ['cancel', /already completed|not found/i],
  ['create', /already ?exists/i],
  ['delete', /not ?found/i],
]);

/** Only these of `refit` may be said twice without a second effect. */
const READING = ['status', 'why', 'report', 'plan', 'nodes', 'validate', 'drain'];

function isBusy(tool: Tool, args: readonly string[], { code, stderr }: Said): boolean {
  if (code === 0 || (tool === 'refit' && !READING.includes(args[0] ?? ''))) return false;
  const text = stderr.toLowerCase();
  return BUSY[tool].some((one) => text.includes(one.toLowerCase()));
}

/** Says it until it is heard; what was said last when the time is up. */
export async function sayUntilHeard(
  tool: Tool,
  args: readonly string[],
  o: { say: () => Promise<Said>; timeoutMs: number },
): Promise<Said> {
  const deadline = performance.now() + o.timeoutMs;
  for (let tries = 1; ; tries += 1) {
    const said = await o.say();
    if (tries > 1 && args.some((word) => DONE_ALREADY.get(word)?.test(said.stderr) === true))
      return { ...said, code: 0 };
    if (!isBusy(tool, args, said) || performance.now() >= deadline) return said;
    await pause(PAUSE_MS);
  }
}
