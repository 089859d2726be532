// The first nodes of a run ask before they start: what the others do meanwhile.
import { describe, expect, it } from '@jest/globals';
import { applyOffer } from '../../domain/machines/fleet-steps.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import type { NextSteps } from '../../domain/plan.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const names = ['n1', 'n2', 'n3', 'n4'];
const scope = newScope(names.map((name) => rowOf(name)));

function offered(nodes: readonly string[]): NextSteps {
  return {
    observedAt: AT,
    slots: [],
    steps: nodes.map((node) => stepOf(node, policyOf(), 1)),
    settled: [],
    waiting: [],
  };
}

function runAskingFor(firstNodes: number): RunState {
  const policy = policyOf({ unavailableMax: 4, approval: { before: 'node', firstNodes } });
  const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
  return { ...newRunState(AT), definition, codes: 'wwww' };
}

const readyNodes = (state: RunState) => state.ready.map(({ step }) => step.node);
const gateNames = (state: RunState) => state.gates.map(({ name }) => name);

describe('the first nodes of a run', () => {
  it('are asked about, and no other node starts while a question is open [I72]', () => {
    const state = applyOffer(runAskingFor(2), scope, offered(names), AT);
    expect(gateNames(state)).toEqual(['node/n1', 'node/n2']);
    expect(readyNodes(state)).toEqual([]);
  });

  it('are followed by the others without a question once all of theirs are answered [I72]', () => {
    const asked = applyOffer(runAskingFor(2), scope, offered(names), AT);
    const answered = { ...asked, gates: [] };
    expect(readyNodes(applyOffer(answered, scope, offered(['n3', 'n4']), AT))).toEqual(['n3', 'n4']);
  });

  it('start one by one as they are approved, though another question is still open [I72]', () => {
    const asked = applyOffer(runAskingFor(2), scope, offered(['n1', 'n2']), AT);
    const approved = { ...asked, gates: asked.gates.slice(1), nodesApproved: ['n1'], codes: 'wwww' };
    expect(readyNodes(applyOffer(approved, scope, offered(['n1', 'n3']), AT))).toEqual(['n1']);
  });
});
