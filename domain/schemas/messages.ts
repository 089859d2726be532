// Workflow inputs, signals, Updates and query arguments in zod: for clients, which may afford it.
// Workflows use domain/parse; a property test holds the two to the same answers.
import { z } from 'zod';
import {
  DIGEST_PATTERN,
  GATE_CHARS_MAX,
  NAME_CHARS_MAX,
  NEXT_NODES_MAX,
  NODES_NAMED_MAX,
  POOLS_NAMED_MAX,
  REASON_CHARS_MAX,
  whyNotManyNodes,
  type ApproveMessage,
  whyNotOverrides,
} from '../messages.ts';
import { isNestedTooDeep } from '../parse/parsed.ts';
import { PAGE_LIMIT_MAX } from '../status.ts';

const text = (charsMax: number) =>
  z
    .string()
    .max(charsMax)
    .refine((value) => value.trim() !== '', { error: 'not blank' });
const name = text(NAME_CHARS_MAX);
const reason = text(REASON_CHARS_MAX);
const planDigest = z.string().regex(DIGEST_PATTERN);

const decision = z.strictObject({
  gate: text(GATE_CHARS_MAX),
  by: name,
  reason: reason.optional(),
  planDigest: planDigest.optional(),
});
const approve = decision
  .extend({
    next: z.int().min(1).max(NEXT_NODES_MAX).optional(),
    pool: name.optional(),
    zone: name.optional(),
    id: name.optional(),
  })
  .refine((message) => whyNotManyNodes(message as ApproveMessage) === undefined, {
    error: 'next, pool or zone with gate node/*, and with no other',
    path: ['gate'],
  });
const rollback = z.strictObject({ by: name, reason });

export const messageSchemas = {
  approve,
  reject: decision,
  pause: rollback,
  resume: z.strictObject({ by: name }),
  skipNode: z.strictObject({ node: name, by: name, reason }),
  retryNode: z.strictObject({ node: name, by: name }),
  abort: z.strictObject({ by: name, reason, rollback: z.boolean().default(false) }),
  rollback,
  changePolicy: z.strictObject({
    by: name,
    reason,
    policy: z
      .record(z.string(), z.unknown())
      .refine((policy) => !isNestedTooDeep(policy), { error: 'nested too deep', abort: true })
      .refine((policy) => whyNotOverrides(policy) === undefined, { error: 'shorter overrides' }),
  }),
  nextNode: z.strictObject({ node: name, by: name }),
};

export const pageQuery = z.strictObject({
  pool: name.optional(),
  node: name.optional(),
  after: name.optional(),
  limit: z.int().min(1).max(PAGE_LIMIT_MAX).optional(),
});

export const fleetUpgradeInput = z.strictObject({
  fleet: name,
  cluster: name,
  pools: z.array(name).min(1).max(POOLS_NAMED_MAX).optional(),
  release: name.optional(),
  nodes: z.array(name).min(1).max(NODES_NAMED_MAX).optional(),
  policy: z
    .record(z.string(), z.unknown())
    .refine((value) => !isNestedTooDeep(value), { error: 'nested too deep' })
    .optional(),
  planDigest: planDigest.optional(),
  requestedBy: name.optional(),
});

export const promotionInput = z.strictObject({
  fleet: name,
  promote: z.literal(true),
  release: name.optional(),
  policy: z
    .record(z.string(), z.unknown())
    .refine((value) => !isNestedTooDeep(value), { error: 'nested too deep' })
    .optional(),
  requestedBy: name.optional(),
});

export const nodeUpgradeInput = z.strictObject({
  fleet: name,
  cluster: name,
  node: name,
  release: name.optional(),
  requestedBy: name.optional(),
});
