// What people may say to a run: signals and Updates of the same names, after parsing.
// Types only; domain/parse checks what arrives, and domain/schemas says the same in zod.

/** Answers a gate with yes. `planDigest` makes it void for any other plan. */
export type ApproveMessage = { gate: string; by: string; reason?: string; planDigest?: string };
/** Answers a gate with no. */
export type RejectMessage = ApproveMessage;
export type PauseMessage = { by: string; reason: string };
export type ResumeMessage = { by: string };
export type SkipNodeMessage = { node: string; by: string; reason: string };
export type RetryNodeMessage = { node: string; by: string };
/** `rollback` false: what has been done stays done. */
export type AbortMessage = { by: string; reason: string; rollback: boolean };
export type RollbackMessage = { by: string; reason: string };

export type MessageByName = {
  approve: ApproveMessage;
  reject: RejectMessage;
  pause: PauseMessage;
  resume: ResumeMessage;
  skipNode: SkipNodeMessage;
  retryNode: RetryNodeMessage;
  abort: AbortMessage;
  rollback: RollbackMessage;
};

export type MessageName = keyof MessageByName;

/** 253 is what Kubernetes allows for a node's name; nothing that a person names is longer. */
export const NAME_CHARS_MAX = 253;
/** `<cluster>/node/<node>`, each part at its longest. */
export const GATE_CHARS_MAX = 2 * NAME_CHARS_MAX + 16;
/** A paragraph. A longer text would fill every status answer and the workflow's carried state. */
export const REASON_CHARS_MAX = 4096;
/** 64 KB of definition hold about 4,000 names of nodes; a longer list is refused before it is resolved. */
export const NODES_NAMED_MAX = 5000;
export const POOLS_NAMED_MAX = 100;
export const DIGEST_PATTERN = /^sha256:[0-9A-Za-z]{1,64}$/;
