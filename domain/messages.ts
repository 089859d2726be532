// What people may say to a run: signals and Updates of the same names, after parsing.
// domain/parse checks what arrives, and domain/schemas says the same in zod.

/** Answers a gate with no. `planDigest` makes it void for any other plan. */
export type RejectMessage = { gate: string; by: string; reason?: string; planDigest?: string };
/** Answers a gate with yes; with gate `node/*` those of many nodes, open ones and those yet to come. */
export type ApproveMessage = RejectMessage & ManyNodes;
/** Which of them: at least one of the first three. `id` tells two yeses of the same words apart. */
type ManyNodes = { next?: number; pool?: string; zone?: string; id?: string };
export type PauseMessage = { by: string; reason: string };
export type ResumeMessage = { by: string };
export type SkipNodeMessage = { node: string; by: string; reason: string };
export type RetryNodeMessage = { node: string; by: string };
/** `rollback` false: what has been done stays done. */
export type AbortMessage = { by: string; reason: string; rollback: boolean };
export type RollbackMessage = { by: string; reason: string };
/** Overrides in the fleet file's own form, as in the input of a run: `{"disruption": {"unavailableMax": 3}}`. */
export type ChangePolicyMessage = {
  by: string;
  reason: string;
  policy: Readonly<Record<string, unknown>>;
};
/** This one before the others of its pool. */
export type NextNodeMessage = { node: string; by: string };

export type MessageByName = {
  approve: ApproveMessage;
  reject: RejectMessage;
  pause: PauseMessage;
  resume: ResumeMessage;
  skipNode: SkipNodeMessage;
  retryNode: RetryNodeMessage;
  abort: AbortMessage;
  rollback: RollbackMessage;
  changePolicy: ChangePolicyMessage;
  nextNode: NextNodeMessage;
};

export type MessageName = keyof MessageByName;

/** 253 is what Kubernetes allows for a node's name; nothing that a person names is longer. */
export const NAME_CHARS_MAX = 253;
/** `<cluster>/node/<node>`, each part at its longest. */
export const GATE_CHARS_MAX = 2 * NAME_CHARS_MAX + 16;
/** The gate of many nodes at once. */
export const MANY_NODES_GATE = 'node/*';
/** As many as a run may hold. */
export const NEXT_NODES_MAX = 5000;

/** `node/*`, or `<cluster>/node/*`. */
function isManyNodesGate(gate: string): boolean {
  return gate === MANY_NODES_GATE || gate.endsWith(`/${MANY_NODES_GATE}`);
}

/** Why these fields do not go together: of many nodes the message says which, of one gate it does not. */
export function whyNotManyNodes(message: ApproveMessage): string | undefined {
  const { gate, next, pool, zone, id } = message;
  const says = next !== undefined || pool !== undefined || zone !== undefined;
  if (isManyNodesGate(gate)) {
    return says ? undefined : 'with gate node/* also which nodes: next, pool or zone';
  }
  return says || id !== undefined ? 'next, pool, zone and id only with gate node/*' : undefined;
}

/** 50 windows and 50 exclusions with their reasons; longer ones belong into the fleet file. */
const OVERRIDES_CHARS_MAX = 32_768;

/** Only how long it is: what the fields say is checked by an activity. */
export function whyNotOverrides(policy: Readonly<Record<string, unknown>>): string | undefined {
  const { length } = JSON.stringify(policy);
  if (length <= OVERRIDES_CHARS_MAX) return undefined;
  return `at most ${OVERRIDES_CHARS_MAX} characters of overrides (they have ${length})`;
}

/** A paragraph. A longer text would fill every status answer and the workflow's carried state. */
export const REASON_CHARS_MAX = 4096;
/** 64 KB of definition hold about 4,000 names of nodes; a longer list is refused before it is resolved. */
export const NODES_NAMED_MAX = 5000;
export const POOLS_NAMED_MAX = 100;
export const DIGEST_PATTERN = /^sha256:[0-9A-Za-z]{1,64}$/;
