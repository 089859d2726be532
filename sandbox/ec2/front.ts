// The EC2 endpoint of the sandbox: moto behind, and in front of it what moto lacks. Root-volume tasks are
// answered here; all else passes through to moto, delayed, refused or laid over where a fault or the passing
// of time says so. It must never change what a caller sent.
import Fastify from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { request as httpRequest } from 'undici';
import { chance } from '../chance.ts';
import { faultOf, readFaults } from '../faults/fault-file.ts';
import type { Fault } from '../faults/fault-file.ts';
import { openCallLog } from './calls.ts';
import { overlayInstances } from './describe-overlay.ts';
import { openFrontState } from './front-state.ts';
import type { FrontState } from './front-state.ts';
import { openMoto } from './moto.ts';
import { isByTemplate, noteInstanceCall } from './instance-calls.ts';
import type { Pace } from './machine.ts';
import { Ec2Refusal, listOf, parseForm, renderAnswer, renderRefusal } from './query-protocol.ts';
import type { Parameters } from './query-protocol.ts';
import { createReservations } from './reservations.ts';
import type { Reservations } from './reservations.ts';
import { createTasks } from './tasks.ts';
import type { Tasks } from './tasks.ts';

export const REGION = 'us-east-1';
const INSTANCES_WAIT_MAX_MS = 10_000;
// Hop-by-hop, or true only of the body as the caller sent it.
const NOT_PASSED_ON = new Set(['connection', 'content-length', 'transfer-encoding', 'expect', 'keep-alive']);
// How late a task's next state may be; a look costs nothing when none is due.
const TICK_MS = 50;

export interface FrontOptions {
  dir: string;
  motoEndpoint: string;
  pace: Pace;
}

interface Front extends FrontOptions {
  state: FrontState;
  tasks: Tasks;
  reservations: Reservations;
  faults: () => readonly Fault[];
  /** Counts calls, so that chance differs from one to the next. */
  calls: number;
}

interface Answer {
  status: number;
  body: string;
  code: string | null;
  taskId: string | null;
}

function shownState(state: FrontState, instanceId: string, motoState: string): string {
  return state.transit(instanceId, Date.now())?.state ?? motoState;
}

function refuseByFault(front: Front, action: string, parameters: Parameters): void {
  const faults = front.faults();
  const throttle = faultOf(faults, 'throttle');
  const throttled = throttle !== undefined && (throttle.actions?.includes(action) ?? true);
  if (throttled && chance(front.pace.seed, 'throttle', front.calls) < throttle.share) {
    throw new Ec2Refusal('RequestLimitExceeded', 'Request limit exceeded.', 503);
  }
  const needsCapacity = action === 'RunInstances' || action === 'StartInstances';
  if (needsCapacity && faultOf(faults, 'insufficient-capacity') !== undefined) {
    throw new Ec2Refusal(
      'InsufficientInstanceCapacity',
      `We currently do not have sufficient ${parameters['InstanceType'] ?? 'instance'} capacity in the Availability Zone you requested.`,
      500,
    );
  }
  const gone = faultOf(faults, 'instance-gone')?.instances ?? [];
  const named = [parameters['InstanceId'] ?? '', ...listOf(parameters, 'InstanceId')];
  const missing = named.find((id) => gone.includes(id));
  if (missing !== undefined) {
    throw new Ec2Refusal('InvalidInstanceID.NotFound', `The instance ID '${missing}' does not exist`);
  }
}

async function passOn(
  front: Front,
  request: FastifyRequest,
  body: string,
): Promise<{ status: number; body: string }> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string' && !NOT_PASSED_ON.has(name)) headers[name] = value;
  }
  const response = await httpRequest(`${front.motoEndpoint}${request.url}`, {
    method: 'POST',
    headers,
    body,
  });
  const text = await response.body.text();
  // moto answers what it does not know with a page of HTML, which no SDK can read.
  if (text.trimStart().toLowerCase().startsWith('<!doctype html')) {
    throw new Ec2Refusal(
      'InternalError',
      'moto does not know this action, or failed at it; see its log',
      500,
    );
  }
  return { status: response.statusCode, body: text };
}

/** moto knows no client tokens: a launch that was answered before is answered again, and not made again. */
async function passOnce(
  front: Front,
  request: FastifyRequest,
  { body, action, parameters }: { body: string; action: string; parameters: Parameters },
): Promise<{ status: number; body: string }> {
  // The SDK gives a token to each call: those of the sandbox's own fleet are asked for by nobody twice.
  const isLaunch = action === 'RunInstances' && isByTemplate(parameters);
  const token = isLaunch ? parameters['ClientToken'] : undefined;
  const before = token === undefined ? undefined : front.state.launchedBy(token);
  if (before !== undefined) return { status: 200, body: before };
  const passed = await passOn(front, request, body);
  if (passed.status === 200) {
    noteInstanceCall(front, action, parameters, passed.body);
    if (token !== undefined) front.state.keepLaunch(token, passed.body);
  }
  return passed;
}

async function overlaid(front: Front, xml: string): Promise<string> {
  const now = Date.now();
  const faults = front.faults();
  const gone = faultOf(faults, 'instance-gone')?.instances ?? [];
  const follows = faultOf(faults, 'image-id-follows') !== undefined;
  const places = await front.reservations.places(faultOf(faults, 'reservation-full') !== undefined);
  return overlayInstances(xml, (id) => ({
    state: front.state.transit(id, now)?.state,
    imageId: follows ? front.state.machine(id)?.imageId : undefined,
    reservationId: places.get(id),
    hidden: gone.includes(id),
  }));
}

/** Undefined for any other action. */
async function answerReservations(
  { reservations, faults }: Front,
  action: string,
  parameters: Parameters,
): Promise<Record<string, unknown> | undefined> {
  switch (action) {
    case 'CreateCapacityReservation':
      return reservations.create(parameters);
    case 'CancelCapacityReservation':
      return reservations.cancel(parameters);
    case 'DescribeCapacityReservations':
      return await reservations.describe(parameters, faultOf(faults(), 'reservation-full') !== undefined);
    default:
      return undefined;
  }
}

async function take(front: Front, request: FastifyRequest, body: string): Promise<Answer> {
  const parameters = parseForm(body);
  const action = parameters['Action'] ?? '';
  front.calls += 1;
  try {
    refuseByFault(front, action, parameters);
    if (action === 'CreateReplaceRootVolumeTask') {
      const { content, taskId } = await front.tasks.create(parameters);
      return { status: 200, body: renderAnswer(action, content), code: null, taskId };
    }
    if (action === 'DescribeReplaceRootVolumeTasks') {
      const content = front.tasks.describe(parameters);
      return { status: 200, body: renderAnswer(action, content), code: null, taskId: null };
    }
    const ofReservations = await answerReservations(front, action, parameters);
    if (ofReservations !== undefined) {
      return { status: 200, body: renderAnswer(action, ofReservations), code: null, taskId: null };
    }
    const passed = await passOnce(front, request, { body, action, parameters });
    const text = action === 'DescribeInstances' ? await overlaid(front, passed.body) : passed.body;
    const code = passed.status === 200 ? null : (/<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? 'Unknown');
    return { status: passed.status, body: text, code, taskId: null };
  } catch (error) {
    const refusal =
      error instanceof Ec2Refusal
        ? error
        : new Ec2Refusal('InternalError', `An internal error has occurred: ${String(error)}`, 500);
    return { status: refusal.status, body: renderRefusal(refusal), code: refusal.code, taskId: null };
  }
}

function serveInstances(app: FastifyInstance, front: Front): void {
  app.get('/_sandbox/instances', async (request, reply: FastifyReply) => {
    const query = request.query as { after?: string; waitMs?: string };
    const after = Number(query.after ?? '0');
    const waitMs = Math.min(Number(query.waitMs ?? '0'), INSTANCES_WAIT_MAX_MS);
    if (front.state.version <= after && waitMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        const forget = front.state.onMachineChange(resolve);
        request.raw.once('close', () => {
          clearTimeout(timer);
          forget();
        });
      });
    }
    return reply.send({ version: front.state.version, machines: front.state.machinesAfter(after) });
  });
}

/** Advances tasks when they are due; a failure is told in the log and tried again. */
function runTasks(front: Front, log: (text: string) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const tick = async (): Promise<void> => {
    try {
      await front.tasks.advance(Date.now());
    } catch (error) {
      log(`a root-volume task could not go on: ${String(error)}`);
    }
    if (!stopped) timer = setTimeout(() => void tick(), TICK_MS);
  };
  void tick();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

export function createFront(o: FrontOptions, log: (text: string) => void): FastifyInstance {
  const state = openFrontState(o.dir, o.pace);
  const moto = openMoto(o.motoEndpoint, REGION);
  const faults = (): readonly Fault[] => readFaults(o.dir);
  const tasks = createTasks({
    state,
    moto,
    pace: o.pace,
    faults,
    shownState: (id, motoState) => shownState(state, id, motoState),
  });
  const reservations = createReservations({ state, instances: () => moto.instances() });
  const front: Front = { ...o, state, tasks, reservations, faults, calls: 0 };
  const calls = openCallLog(o.dir);
  const app = Fastify({ bodyLimit: 16 * 1024 * 1024, forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.post('/', async (request, reply) => {
    const body = typeof request.body === 'string' ? request.body : '';
    const answer = await take(front, request, body);
    const { Action: action = '', ...parameters } = parseForm(body);
    calls.append({
      time: new Date().toISOString(),
      action,
      parameters,
      clientToken: parameters['ClientToken'] ?? null,
      result: { status: answer.status, code: answer.code, taskId: answer.taskId },
      userAgent: request.headers['user-agent'] ?? '',
    });
    return reply.code(answer.status).type('text/xml;charset=UTF-8').send(answer.body);
  });
  app.get('/_sandbox/calls', (_request, reply) => reply.type('application/x-ndjson').send(calls.text()));
  app.get('/_sandbox/healthy', (_request, reply) => reply.send({ ok: true }));
  serveInstances(app, front);
  const stopTasks = runTasks(front, log);
  app.addHook('onClose', (_app, done) => {
    stopTasks();
    done();
  });
  return app;
}
