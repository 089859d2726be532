// A run keeps the definition that it started with, and may be older than this version: fields that did
// not exist then are given the value that means what that version did. Must never change a field that is there.
import { defaultPolicy } from './default-policy.ts';
import type { Policy } from './policy.ts';
import type { RunDefinition } from './run.ts';

export function completeDefinition(definition: RunDefinition): RunDefinition {
  return {
    ...definition,
    clusterUnavailableMax: (definition as Partial<RunDefinition>).clusterUnavailableMax ?? null,
    pools: definition.pools.map((pool) => ({ ...pool, policy: completePolicy(pool.policy) })),
  };
}

export function completePolicy(policy: Policy): Policy {
  return {
    ...policy,
    disruption: { ...defaultPolicy.disruption, ...policy.disruption },
    canary: { ...defaultPolicy.canary, ...policy.canary },
    approval: { ...defaultPolicy.approval, ...policy.approval },
    drain: { ...defaultPolicy.drain, ...policy.drain },
    reimage: { ...defaultPolicy.reimage, ...policy.reimage },
    verify: { ...defaultPolicy.verify, ...policy.verify },
    failure: { ...defaultPolicy.failure, ...policy.failure },
  };
}
