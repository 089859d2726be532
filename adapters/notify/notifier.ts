// The port Notifier over HTTP: CloudEvents 1.0 by their SDK, and Slack-compatible webhooks. URLs and header
// values are secrets: they are read at the moment of sending and must never stand in an error, a log or an answer.
import { request } from 'undici';
import { renderSlackText } from '../../domain/render/notice.ts';
import { NOTIFY_VARIABLE_PREFIX } from '../../domain/notification.ts';
import type { NotificationTarget } from '../../domain/notification.ts';
import { PortError } from '../ports/errors.ts';
import type { PortErrorKind } from '../ports/errors.ts';
import type { NoticeMessage, Notifier } from '../ports/notifier.ts';
import { USER_AGENT } from '../user-agent.ts';

/** A webhook answers within a second; whoever needs longer is asked again. */
const SEND_TIMEOUT_MS = 10_000;
const HTTP_OK_MIN = 200;
const HTTP_OK_MAX = 299;
/** An answer is not read: this much is taken off the wire so that the connection can be used again. */
const ANSWER_BYTES_MAX = 65_536;

type Environment = Readonly<Record<string, string | undefined>>;
type Wire = { headers: Record<string, string>; body: string };

export function createNotifier(o: { env: Environment; namespace: string }): Notifier {
  const link = (workflowId: string) => linkTo(o.env['REFIT_UI'], o.namespace, workflowId);
  return {
    async send(target, message) {
      const url = urlOf(target, o.env);
      const secret = Object.fromEntries(
        target.headers.map(({ name, env }) => [name, valueOf(target, env, o.env)]),
      );
      const wire = await wireOf(target, message, {
        namespace: o.namespace,
        link: link(message.notice.workflowId),
      });
      const headers = { ...wire.headers, 'user-agent': USER_AGENT, ...secret };
      await post(target, url, { ...wire, headers });
    },
  };
}

async function wireOf(
  { form }: NotificationTarget,
  message: NoticeMessage,
  o: { namespace: string; link: string | null },
): Promise<Wire> {
  const { notice } = message;
  if (form === 'slack') {
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    return { headers, body: JSON.stringify({ text: renderSlackText(notice, o.link) }) };
  }
  // A tenth of a second to load: commands are composed of the same parts, and send nothing.
  const { CloudEvent, HTTP } = await import('cloudevents');
  const event = new CloudEvent({
    id: message.id,
    source: `/refit/${encodeURIComponent(o.namespace)}/${encodeURIComponent(notice.workflowId)}`,
    type: `dev.refit.${notice.event}`,
    subject: notice.cluster ?? notice.fleet,
    time: message.at,
    datacontenttype: 'application/json',
    data: { ...notice, link: o.link },
  });
  const { headers, body } = form === 'binary' ? HTTP.binary(event) : HTTP.structured(event);
  return { headers: headers as Record<string, string>, body: body as string };
}

/** Redirects are not followed: they could lead the headers elsewhere. */
async function post(target: NotificationTarget, url: URL, wire: Wire): Promise<void> {
  let status: number;
  try {
    const signal = AbortSignal.timeout(SEND_TIMEOUT_MS);
    const answer = await request(url, { method: 'POST', headers: wire.headers, body: wire.body, signal });
    status = answer.statusCode;
    await answer.body.dump({ limit: ANSWER_BYTES_MAX }).catch(() => undefined);
  } catch (error) {
    // No cause: what the library says may name the host, the path or a header.
    throw refused(target, 'unreachable', `cannot be reached (${codeOf(error)})`);
  }
  if (status >= HTTP_OK_MIN && status <= HTTP_OK_MAX) return;
  throw refused(target, kindOf(status), `answered ${String(status)}`);
}

function kindOf(status: number): PortErrorKind {
  if (status === 429) return 'throttled';
  if (status === 401 || status === 403) return 'forbidden';
  return status >= 500 || status === 408 ? 'unreachable' : 'invalid';
}

const ERROR_CODE = /^[A-Z][A-Z0-9_]{1,40}$/;

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (name === 'TimeoutError') return `no answer in ${String(SEND_TIMEOUT_MS / 1000)} s`;
  return typeof code === 'string' && ERROR_CODE.test(code) ? code : 'the request failed';
}

function urlOf(target: NotificationTarget, env: Environment): URL {
  const text = valueOf(target, target.urlEnv, env);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  throw refused(target, 'invalid', `needs an http or https URL in ${target.urlEnv}, which holds none`);
}

/** Retried: another worker may have it, and this one may be started again with it. */
function valueOf(target: NotificationTarget, name: string, env: Environment): string {
  // A fleet file is held to this when it is read; what comes from elsewhere is held to it here.
  if (!name.startsWith(NOTIFY_VARIABLE_PREFIX)) {
    throw refused(target, 'invalid', `may read variables of ${NOTIFY_VARIABLE_PREFIX}… alone, not ${name}`);
  }
  const value = env[name] ?? '';
  if (value !== '') return value;
  throw refused(target, 'forbidden', `needs the variable ${name}, which is not set where this worker runs`);
}

function refused({ name }: NotificationTarget, kind: PortErrorKind, why: string): PortError {
  return new PortError(kind, `notification ${name} ${why}`);
}

/** Null without a base, or with one that is no URL. */
function linkTo(base: string | undefined, namespace: string, workflowId: string): string | null {
  if (base === undefined || !URL.canParse(base)) return null;
  const path = `/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  return `${base.replace(/\/+$/, '')}${path}`;
}
