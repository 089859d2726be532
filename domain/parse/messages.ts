// Signals, Updates and the arguments of queries, as they arrive in a workflow: checked without zod,
// which costs 600 KB a cached workflow. domain/schemas/messages.ts says the same in zod, and a
// property test holds the two together. Never throws: what is wrong is an answer.
import {
  DIGEST_PATTERN,
  GATE_CHARS_MAX,
  NAME_CHARS_MAX,
  NEXT_NODES_MAX,
  REASON_CHARS_MAX,
  whyNotManyNodes,
  whyNotOverrides,
  type AbortMessage,
  type ApproveMessage,
  type ChangePolicyMessage,
  type MessageByName,
  type MessageName,
} from '../messages.ts';
import { PAGE_LIMIT_MAX, type PageQuery } from '../status.ts';
import { bool, integer, matching, object, record, text, type Parsed } from './parsed.ts';

const gate = text('the name of a gate as the status shows it (node/ip-10-0-0-1)', GATE_CHARS_MAX);
const by = text('who says so', NAME_CHARS_MAX);
const reason = text('a reason in words', REASON_CHARS_MAX);
const node = text('the name of a node', NAME_CHARS_MAX);
const name = text('a name', NAME_CHARS_MAX);
const planDigest = matching('a digest as `refit plan` prints it (sha256:…)', DIGEST_PATTERN);

const reject = object({ gate, by }, { reason, planDigest });
const approve = object(
  { gate, by },
  { reason, planDigest, next: integer(1, NEXT_NODES_MAX), pool: name, zone: name, id: name },
);
const resume = object({ by }, {});
const pause = object({ by, reason }, {});
const skipNode = object({ node, by, reason }, {});
const retryNode = object({ node, by }, {});
const nextNode = object({ node, by }, {});
const changePolicy = object({ by, reason, policy: record }, {});
// Absent `rollback` is false: an emergency stop must not be lost for the want of a word.
const abort = object({ by, reason }, { rollback: bool });
const pageQuery = object({}, { pool: name, node: name, after: name, limit: integer(1, PAGE_LIMIT_MAX) });

/** Of many nodes the message says which; of one gate it does not. */
function parseApprove(value: unknown): Parsed<ApproveMessage> {
  const parsed = approve(value, '');
  if (parsed.kind === 'invalid') return parsed;
  const expected = whyNotManyNodes(parsed.value);
  if (expected === undefined) return parsed;
  return { kind: 'invalid', path: 'gate', found: parsed.value.gate, expected };
}

function parseChangePolicy(value: unknown): Parsed<ChangePolicyMessage> {
  const parsed = changePolicy(value, '');
  if (parsed.kind === 'invalid') return parsed;
  const expected = whyNotOverrides(parsed.value.policy);
  if (expected === undefined) return parsed;
  return { kind: 'invalid', path: 'policy', found: parsed.value.policy, expected };
}

function parseAbort(value: unknown): Parsed<AbortMessage> {
  const parsed = abort(value, '');
  if (parsed.kind === 'invalid') return parsed;
  return { kind: 'ok', value: { ...parsed.value, rollback: parsed.value.rollback ?? false } };
}

/** A query without an argument asks for the first page of everything. */
export function parsePageQuery(value: unknown): Parsed<PageQuery> {
  return pageQuery(value === undefined || value === null ? {} : value, '');
}

/** The parser of each message by the name of its signal and Update. */
export const messageParsers: {
  readonly [K in MessageName]: (value: unknown) => Parsed<MessageByName[K]>;
} = {
  approve: parseApprove,
  reject: (value) => reject(value, ''),
  pause: (value) => pause(value, ''),
  resume: (value) => resume(value, ''),
  skipNode: (value) => skipNode(value, ''),
  retryNode: (value) => retryNode(value, ''),
  abort: parseAbort,
  rollback: (value) => pause(value, ''),
  changePolicy: parseChangePolicy,
  nextNode: (value) => nextNode(value, ''),
};
