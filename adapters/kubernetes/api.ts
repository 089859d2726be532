// One cluster's API server over one connection pool: rate limited, throttling honoured, every refusal
// a PortError that names server, verb and resource. Knows HTTP and Status objects, nothing of nodes or pods.
import PQueue from 'p-queue';
import { request } from 'undici';
import { PortError } from '../ports/errors.ts';
import { USER_AGENT } from '../user-agent.ts';
import type { Dispatcher } from 'undici';
import type { Credentials } from './credentials.ts';

/** What a request is about, in the words of RBAC: they stand in the text of a 403. */
export type Subject = {
  verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  resource: string;
  name?: string;
  namespace?: string;
};

export type Call = {
  subject: Subject;
  path: string;
  query?: Readonly<Record<string, string>>;
  /** Sent as JSON; a PATCH is a merge patch. */
  body?: unknown;
  signal?: AbortSignal;
};

export type Answer = { status: number; body: unknown; retryAfterMs: number | null };

/** metav1.Status, as far as refusals are told by it. */
export type Status = {
  message?: string;
  reason?: string;
  details?: { causes?: { reason?: string; message?: string; field?: string }[]; retryAfterSeconds?: number };
};

export interface Api {
  readonly server: string;
  /** Any answer of the API server but throttling, which is waited for; throws only when there is none. */
  call(call: Call): Promise<Answer>;
  /** The body of a 2xx; everything else is a PortError. */
  ask(call: Call): Promise<unknown>;
  /** The open body of a watch: lines of JSON. Not counted against the requests in flight. */
  stream(call: Call & { signal: AbortSignal }): Promise<AsyncIterable<Buffer>>;
  refusal(call: Call, answer: Answer): PortError;
  close(): Promise<void>;
}

/** Twice what a burst of 40 nodes needs; API priority and fairness is the real guard, this one is manners. */
const REQUESTS_PER_SECOND = 200;
/** Above this, more requests in flight only wait in the API server instead of here. */
const IN_FLIGHT_MAX = 64;
const RATE_SLICES_PER_SECOND = 10;
/** An eviction that meets conflicts on its PDB's status is retried by the API server for 10 s. */
const ANSWER_TIMEOUT_MS = 30_000;
const THROTTLED_TRIES_MAX = 5;
const THROTTLED_PAUSE_DEFAULT_MS = 1_000;
const THROTTLED_PAUSE_MAX_MS = 30_000;

export function createApi(o: { cluster: string; credentials: Credentials; requestsPerSecond?: number }): Api {
  const { credentials } = o;
  const line = createLine({ ...o, where: `cluster ${o.cluster} at ${credentials.server}` });
  const throttle = createThrottle(o.requestsPerSecond ?? REQUESTS_PER_SECOND);

  async function call(call: Call): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      call.signal?.throwIfAborted();
      const answer = await throttle.queue.add(
        async () => line.read(call, await line.send(call, ANSWER_TIMEOUT_MS)),
        call.signal === undefined ? {} : { signal: call.signal },
      );
      if (answer.status !== 429 || isBudgetRefusal(answer)) return answer;
      if (tries >= THROTTLED_TRIES_MAX) {
        throw new PortError('throttled', `${line.where} throttles (${describe(call)}) after ${tries} tries`);
      }
      throttle.holdBack(Math.min(answer.retryAfterMs ?? THROTTLED_PAUSE_DEFAULT_MS, THROTTLED_PAUSE_MAX_MS));
    }
  }

  function refusal(call: Call, answer: Answer): PortError {
    const status = answer.body as Status | undefined;
    const said = status?.message ?? `HTTP ${answer.status}`;
    const text = `${line.where} refused to ${describe(call)} as ${credentials.user}: ${said}`;
    return new PortError(KINDS[answer.status] ?? (answer.status >= 500 ? 'unreachable' : 'invalid'), text);
  }

  return {
    server: credentials.server,
    call,
    refusal,
    async ask(asked) {
      const answer = await call(asked);
      if (answer.status >= 200 && answer.status < 300) return answer.body;
      throw refusal(asked, answer);
    },
    async stream(asked) {
      const response = await line.send(asked, 0);
      if (response.statusCode === 200) return response.body;
      throw refusal(asked, await line.read(asked, response));
    },
    async close() {
      throttle.close();
      await credentials.close();
    },
  };
}

/** Requests in turn: so many a second, so many at once, none while the server asks for a pause. */
function createThrottle(perSecond: number) {
  const queue = new PQueue({
    concurrency: IN_FLIGHT_MAX,
    interval: 1_000 / RATE_SLICES_PER_SECOND,
    intervalCap: Math.max(1, Math.round(perSecond / RATE_SLICES_PER_SECOND)),
  });
  let timer: NodeJS.Timeout | undefined;
  return {
    queue,
    holdBack(ms: number) {
      queue.pause();
      clearTimeout(timer);
      timer = setTimeout(() => queue.start(), ms);
      timer.unref();
    },
    close() {
      clearTimeout(timer);
      queue.clear();
    },
  };
}

/** One request and its answer; knows credentials and broken connections, nothing of throttling. */
function createLine(o: { credentials: Credentials; where: string }) {
  const { credentials, where } = o;
  return {
    where,
    async send(call: Call, bodyTimeout: number): Promise<Dispatcher.ResponseData> {
      const method = METHODS[call.subject.verb];
      for (let tries = 1; ; tries += 1) {
        const { dispatcher, headers } = await credentials.access();
        let response: Dispatcher.ResponseData;
        try {
          response = await request(urlOf(credentials.server, call), {
            dispatcher,
            method,
            headers: { ...headers, ...headersFor(call), 'user-agent': USER_AGENT },
            body: call.body === undefined ? null : JSON.stringify(call.body),
            headersTimeout: ANSWER_TIMEOUT_MS,
            bodyTimeout,
            ...(call.signal === undefined ? {} : { signal: call.signal }),
          });
        } catch (cause) {
          if (call.signal?.aborted) throw cause;
          // A kept-alive socket that the server has just closed; reading again harms nothing.
          if (tries === 1 && method === 'GET') continue;
          const text = `${where} does not answer (${describe(call)}): ${textOf(cause)}`;
          throw new PortError('unreachable', text, { cause });
        }
        if (response.statusCode !== 401 || tries > 1) return response;
        // The token may have run out: read it anew, once.
        await response.body.dump();
        credentials.forget();
      }
    },
    async read(call: Call, response: Dispatcher.ResponseData): Promise<Answer> {
      try {
        const body = parseJson(await response.body.text());
        return {
          status: response.statusCode,
          body,
          retryAfterMs: retryAfterOf(response.headers['retry-after']),
        };
      } catch (cause) {
        if (call.signal?.aborted) throw cause;
        const text = `${where} broke off its answer (${describe(call)}): ${textOf(cause)}`;
        throw new PortError('unreachable', text, { cause });
      }
    },
  };
}

const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const satisfies Record<Subject['verb'], Dispatcher.HttpMethod>;

const KINDS: Readonly<Record<number, PortError['kind']>> = {
  401: 'forbidden',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  // The watch's past is gone; who asks again from now on is answered.
  410: 'conflict',
  429: 'throttled',
};

/** A 429 that speaks of one PDB, not of the server's load. */
export function isBudgetRefusal(answer: Answer): boolean {
  const causes = (answer.body as Status | undefined)?.details?.causes ?? [];
  return answer.status === 429 && causes.some((cause) => cause.reason === 'DisruptionBudget');
}

function urlOf(server: string, call: Call): string {
  const query = new URLSearchParams(call.query ?? {}).toString();
  return `${server}${call.path}${query === '' ? '' : `?${query}`}`;
}

function headersFor(call: Call): Record<string, string> {
  const accept = { accept: 'application/json' };
  if (call.body === undefined) return accept;
  const type = call.subject.verb === 'patch' ? 'application/merge-patch+json' : 'application/json';
  return { ...accept, 'content-type': type };
}

function describe({ subject }: Call): string {
  const name = subject.name === undefined ? '' : ` ${subject.name}`;
  const namespace = subject.namespace === undefined ? '' : ` in namespace ${subject.namespace}`;
  return `${subject.verb} ${subject.resource}${name}${namespace}`;
}

function retryAfterOf(header: string | string[] | undefined): number | null {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 300) };
  }
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  return error.message || (typeof code === 'string' ? code : error.name);
}
