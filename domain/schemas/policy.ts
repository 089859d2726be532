// Policies as a fleet file writes them, and the overrides of one run: every section and field may be
// left out and then comes from what the policy extends. Which fields are in force: unenforced.ts.
import { z } from 'zod';
import { toZoneMax } from '../amount.ts';
import type { Amount, DrainRule, Policy, ZoneMax } from '../policy.ts';
import {
  amount,
  amountOrNone,
  duration,
  flag,
  instant,
  isTimezone,
  labels,
  name,
  oldRootVolume,
  pattern,
  percent,
  text,
  whole,
} from './scalars.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A step that takes longer than a week waits for a person, not for a machine. */
const STEP_MAX_MS = 7 * DAY_MS;
/** A volume kept for longer than a year is a backup, and belongs elsewhere. */
const KEEP_MAX_MS = 365 * DAY_MS;
const NODES_MAX = 5000;
/** The rules travel with each step, of which 40 must fit one payload. */
const RULES_MAX = 10;
const RULE_LABELS_MAX = 5;
const RULE_NAMESPACES_MAX = 10;
const RULE_ORDER_MAX = 100;

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const windowDays = z
  .array(z.enum(days, { error: `one of ${days.join(', ')}` }))
  .min(1, { error: 'at least one day' })
  .describe('Days on which the window opens.');

const window = z.strictObject({
  days: windowDays,
  start: pattern('a time of day like "22:00"', /^([01]\d|2[0-3]):[0-5]\d$/).describe(
    'Local time at which it opens, HH:MM.',
  ),
  duration: duration(MINUTE_MS, 7 * DAY_MS).describe('How long it stays open.'),
  timezone: text('the name of a time zone')
    .refine(isTimezone, { error: 'a time zone by its IANA name, like Europe/Berlin' })
    .describe('IANA name, like Europe/Berlin.'),
});

const exclusion = z
  .strictObject({
    from: instant.describe('First moment, RFC 3339.'),
    until: instant.describe('First moment after it, RFC 3339.'),
    why: text('why nothing may change then').describe('Shown to whoever waits.'),
  })
  .refine(({ from, until }) => Date.parse(from) < Date.parse(until), {
    path: ['until'],
    error: 'a time after `from`',
  });

const disruption = z
  .strictObject({
    unavailableMax: amount
      .optional()
      .describe(
        'Nodes of a pool that may be away at once, those that are NotReady or cordoned for any reason included. `3`, or `10%` of the pool (rounded down, at least 1).',
      ),
    unavailableMaxPerZone: amount
      .nullable()
      .optional()
      .describe(
        'The same within one zone: `2`, or `10%` of the nodes of the pool there (rounded down, at least 1).',
      ),
    surge: whole(0, NODES_MAX).optional().describe('Nodes added before any is taken away.'),
  })
  .describe('How many nodes may be away at once.');

const canary = z
  .strictObject({
    nodes: amountOrNone
      .optional()
      .describe('Nodes of a pool that go first: `3`, or `10%` (rounded down, at least 1); 0 for none.'),
    soak: duration(0, STEP_MAX_MS).optional().describe('How long they are watched before others follow.'),
  })
  .describe('Nodes that go first.');

const approval = z
  .strictObject({
    before: z
      .enum(['never', 'canary', 'pool', 'node'], { error: 'one of never, canary, pool, node' })
      .optional()
      .describe('What waits for a yes.'),
    firstNodes: whole(1, NODES_MAX)
      .nullable()
      .optional()
      .describe('Only so many nodes of a run ask; null or absent: all.'),
    approvers: whole(1, 10).optional().describe('How many people must say yes.'),
    expiresAfter: duration(MINUTE_MS, 30 * DAY_MS)
      .nullable()
      .optional()
      .describe('After this time a yes is void; null: never.'),
    selfApproval: flag
      .optional()
      .describe('false: whoever asked for the run does not count among its approvers.'),
  })
  .describe('Who is asked before what.');

const drainRule = z
  .strictObject({
    name: name('the name of a rule').describe('Shown to whoever waits.'),
    selector: z
      .strictObject({
        matchLabels: labels
          .refine((o) => Object.keys(o).length > 0 && Object.keys(o).length <= RULE_LABELS_MAX, {
            error: `1 to ${RULE_LABELS_MAX} labels`,
          })
          .describe('Labels that every pod of the rule carries.'),
      })
      .describe('Which pods the rule is for.'),
    namespaces: z
      .array(name('a namespace'))
      .min(1, { error: 'at least one namespace, or null for all' })
      .max(RULE_NAMESPACES_MAX)
      .nullable()
      .optional()
      .describe('Only pods of these namespaces; null or absent: of all.'),
    order: whole(-RULE_ORDER_MAX, RULE_ORDER_MAX)
      .optional()
      .describe('Pods of a lower order leave first; those that no rule selects have 0.'),
    waitFor: z
      .enum(['nothing', 'completion', 'checkpoint'], { error: 'one of nothing, completion, checkpoint' })
      .optional()
      .describe('What a pod is given time for before it is evicted.'),
    deadline: duration(SECOND_MS, STEP_MAX_MS)
      .nullable()
      .optional()
      .describe('How long at most; null or absent: as long as the drain lasts.'),
  })
  .refine(({ waitFor, deadline }) => (deadline ?? null) === null || (waitFor ?? 'nothing') !== 'nothing', {
    error: 'no deadline, or waitFor: completion or checkpoint, which it would end',
    path: ['deadline'],
  })
  .describe('Lets some pods leave later than others; never sooner than without it.');

const drain = z
  .strictObject({
    timeout: duration(SECOND_MS, STEP_MAX_MS).optional().describe('How long pods may take to leave.'),
    onTimeout: z
      .enum(['defer', 'fail', 'force'], { error: 'one of defer, fail, force' })
      .optional()
      .describe('What happens to a node whose pods have not left by then.'),
    deferralsMax: whole(1, 100)
      .optional()
      .describe('How often a node may be deferred before its timeout is a failure.'),
    deferFor: duration(SECOND_MS, STEP_MAX_MS)
      .optional()
      .describe('How long a deferred node is left alone before it is taken up again.'),
    rules: z
      .array(drainRule)
      .max(RULES_MAX, { error: `at most ${RULES_MAX} rules` })
      .refine((rules) => new Set(rules.map((rule) => rule.name)).size === rules.length, {
        error: 'rules of which no two have the same name',
      })
      .optional()
      .describe(
        'Which pods leave first, and which are waited for; the first rule that selects a pod is its own.',
      ),
  })
  .describe('Moving the pods away.');

const reimage = z
  .strictObject({
    method: z
      .enum(['rootVolume', 'replaceInstance', 'reboot'], {
        error: 'one of rootVolume, replaceInstance, reboot',
      })
      .optional()
      .describe('How a node gets its new image.'),
    timeout: duration(SECOND_MS, STEP_MAX_MS)
      .optional()
      .describe('How long the reimage, and the return after it, may take.'),
    oldRootVolume: oldRootVolume(KEEP_MAX_MS)
      .optional()
      .describe('"keep 7d" (it costs storage until then) or "delete".'),
    mayLoseCapacity: flag
      .optional()
      .describe(
        'true, with replaceInstance: an instance goes before another one is launched, once somebody has said so for this very node and a capacity reservation shows room.',
      ),
  })
  .describe('Giving the node its new image.');

const verify = z
  .strictObject({
    checks: z.array(name('a check')).max(20).optional().describe('Checks that run on the node, by name.'),
    soak: duration(0, STEP_MAX_MS)
      .optional()
      .describe('How long a node is watched before it counts as done.'),
  })
  .describe('What a node must show before it takes pods again.');

const failure = z
  .strictObject({
    failuresMax: whole(0, NODES_MAX)
      .optional()
      .describe('The run trips when more nodes than this have failed; 0: at the first.'),
    successMin: percent
      .nullable()
      .optional()
      .describe('Share of nodes that must succeed; null: no such rule.'),
    consecutiveMax: whole(1, NODES_MAX)
      .nullable()
      .optional()
      .describe('So many failures in a row trip the run; null: no such rule.'),
    onExceeded: z
      .enum(['pause', 'rollback', 'stop'], { error: 'one of pause, rollback, stop' })
      .optional()
      .describe('What a tripped run does.'),
  })
  .describe('When a run trips, and what it does then.');

const sections = {
  disruption: disruption.optional(),
  canary: canary.optional(),
  approval: approval.optional(),
  windows: z.array(window).max(50).optional().describe('When nodes may be taken; empty: at any time.'),
  exclusions: z
    .array(exclusion)
    .max(50)
    .optional()
    .describe('When nothing is taken, whatever the windows say.'),
  drain: drain.optional(),
  reimage: reimage.optional(),
  verify: verify.optional(),
  failure: failure.optional(),
};

/** What one run may override. */
export const policyOverrides = z.strictObject(sections);
export type PolicyOverrides = z.output<typeof policyOverrides>;

export const policyEntry = z.strictObject({
  name: name('the name of a policy').describe('How pools refer to it. `default` is built in.'),
  extends: name('the name of a policy')
    .optional()
    .describe('What the fields left out come from; `default` when absent.'),
  ...sections,
});

function zoneMaxOver(patch: Amount | null | undefined, { disruption }: Policy): ZoneMax | null {
  if (patch === undefined) return disruption.unavailableMaxPerZone;
  return patch === null ? null : toZoneMax(patch);
}

/** `patch` over `base`, field by field; lists are replaced whole. */
export function mergePolicy(base: Policy, patch: PolicyOverrides, named: string): Policy {
  const { disruption, canary, approval, drain, reimage, verify, failure } = patch;
  return {
    name: named,
    disruption: {
      unavailableMax: or(disruption?.unavailableMax, base.disruption.unavailableMax),
      unavailableMaxPerZone: zoneMaxOver(disruption?.unavailableMaxPerZone, base),
      surge: or(disruption?.surge, base.disruption.surge),
    },
    canary: { nodes: or(canary?.nodes, base.canary.nodes), soakMs: or(canary?.soak, base.canary.soakMs) },
    approval: {
      before: or(approval?.before, base.approval.before),
      firstNodes: or(approval?.firstNodes, base.approval.firstNodes),
      approvers: or(approval?.approvers, base.approval.approvers),
      expiresAfterMs: or(approval?.expiresAfter, base.approval.expiresAfterMs),
      selfApproval: or(approval?.selfApproval, base.approval.selfApproval),
    },
    windows:
      patch.windows?.map(({ duration: durationMs, ...rest }) => ({ ...rest, durationMs })) ?? base.windows,
    exclusions: patch.exclusions ?? base.exclusions,
    drain: {
      timeoutMs: or(drain?.timeout, base.drain.timeoutMs),
      onTimeout: or(drain?.onTimeout, base.drain.onTimeout),
      deferralsMax: or(drain?.deferralsMax, base.drain.deferralsMax),
      deferForMs: or(drain?.deferFor, base.drain.deferForMs),
      rules: drain?.rules?.map(toRule) ?? base.drain.rules,
    },
    reimage: {
      method: or(reimage?.method, base.reimage.method),
      timeoutMs: or(reimage?.timeout, base.reimage.timeoutMs),
      oldRootVolume: or(reimage?.oldRootVolume, base.reimage.oldRootVolume),
      // What is neutral is left out: a policy without it is the same as before there was such a field.
      ...((reimage?.mayLoseCapacity ?? base.reimage.mayLoseCapacity) === true
        ? { mayLoseCapacity: true as const }
        : {}),
    },
    verify: { checks: or(verify?.checks, base.verify.checks), soakMs: or(verify?.soak, base.verify.soakMs) },
    failure: {
      failuresMax: or(failure?.failuresMax, base.failure.failuresMax),
      successMinPercent: or(failure?.successMin, base.failure.successMinPercent),
      consecutiveMax: or(failure?.consecutiveMax, base.failure.consecutiveMax),
      onExceeded: or(failure?.onExceeded, base.failure.onExceeded),
    },
  };
}

function toRule(rule: z.output<typeof drainRule>): DrainRule {
  const { name: named, selector, namespaces, order, waitFor, deadline } = rule;
  return {
    name: named,
    matchLabels: selector.matchLabels,
    namespaces: namespaces ?? null,
    order: order ?? 0,
    waitFor: waitFor ?? 'nothing',
    deadlineMs: deadline ?? null,
  };
}

/** Absent keeps what stood there; null is a value of its own. */
function or<T>(value: T | undefined, fallback: T): T {
  return value === undefined ? fallback : value;
}
