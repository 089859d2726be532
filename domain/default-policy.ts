// The policy named `default`, built in: what every other policy starts from. One node at a time, each
// asked for, and a stop at the first failure. A fleet file cannot redefine it.
import type { Policy } from './policy.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export const DEFAULT_POLICY_NAME = 'default';

export const defaultPolicy: Policy = {
  name: DEFAULT_POLICY_NAME,
  disruption: { unavailableMax: { kind: 'count', count: 1 }, unavailableMaxPerZone: null, surge: 0 },
  canary: { nodes: { kind: 'count', count: 0 }, soakMs: 0 },
  approval: { before: 'node', firstNodes: null, approvers: 1, expiresAfterMs: null, selfApproval: true },
  windows: [],
  exclusions: [],
  drain: {
    timeoutMs: 30 * MINUTE_MS,
    onTimeout: 'fail',
    deferralsMax: 3,
    deferForMs: 10 * MINUTE_MS,
    rules: [],
  },
  reimage: {
    method: 'rootVolume',
    timeoutMs: 30 * MINUTE_MS,
    oldRootVolume: { kind: 'keep', forMs: 7 * DAY_MS },
  },
  verify: { checks: [], soakMs: 0 },
  failure: { failuresMax: 0, successMinPercent: null, consecutiveMax: null, onExceeded: 'pause' },
};
