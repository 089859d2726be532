// What a cordon sets, remembers and puts back, and whose it is.
import { describe, expect, it } from '@jest/globals';
import { planCordon, planUncordon, whyNotOurs } from '../../../domain/drain/cordon.ts';
import type { CordonView, NodePatch } from '../../../domain/drain/cordon.ts';

const protectionKeys = ['autoscaler/keep', 'karpenter/keep'];
const owner = 'default/upgrade/1';
const now = '2026-11-01T12:00:00.000Z';

function view(changes: Partial<CordonView> = {}): CordonView {
  return {
    name: 'n1',
    uid: 'u1',
    resourceVersion: '5',
    annotations: {},
    protections: {},
    unschedulable: false,
    unschedulableBy: null,
    ...changes,
  };
}

/** What the API server makes of a merge patch. */
function patched(before: CordonView, patch: NodePatch, manager = 'refit'): CordonView {
  const apply = (values: Readonly<Record<string, string>>, isKey: (key: string) => boolean) => {
    const next: Record<string, string> = { ...values };
    for (const [key, value] of Object.entries(patch.metadata.annotations)) {
      if (!isKey(key)) continue;
      if (value === null) delete next[key];
      else next[key] = value;
    }
    return next;
  };
  return {
    ...before,
    annotations: apply(before.annotations, (key) => !protectionKeys.includes(key)),
    protections: apply(before.protections, (key) => protectionKeys.includes(key)),
    unschedulable: patch.spec === undefined ? before.unschedulable : patch.spec.unschedulable === true,
    unschedulableBy: patch.spec?.unschedulable === true ? { manager, at: now } : null,
  };
}

function cordoned(before: CordonView): CordonView {
  const step = planCordon(before, { uid: 'u1', owner, protectionKeys, now });
  if (step.kind !== 'patch') throw new Error(`not cordoned: ${step.kind}`);
  return patched(before, step.patch);
}

const uncordon = (seen: CordonView, release: string | null = null) =>
  planUncordon(seen, { uid: 'u1', owner, protectionKeys, release });

describe('a cordon', () => {
  it('carries UID and resourceVersion, owner mark, time and the autoscalers’ protection [I27]', () => {
    expect(planCordon(view(), { uid: 'u1', owner, protectionKeys, now })).toEqual({
      kind: 'patch',
      patch: {
        metadata: {
          uid: 'u1',
          resourceVersion: '5',
          annotations: {
            'refit.dev/owner': owner,
            'refit.dev/cordoned-at': now,
            'refit.dev/state': 'cordoned',
            'refit.dev/before-cordon': '{"autoscaler/keep":null,"karpenter/keep":null}',
            'autoscaler/keep': 'true',
            'karpenter/keep': 'true',
          },
        },
        spec: { unschedulable: true },
      },
    });
  });

  it('that is ours already is not set again, one of somebody else is left alone and named [I27]', () => {
    const ours = cordoned(view());
    expect(planCordon(ours, { uid: 'u1', owner, protectionKeys, now }).kind).toBe('alreadyOurs');
    expect(planCordon(ours, { uid: 'u1', owner: 'other', protectionKeys, now })).toEqual({
      kind: 'cordonedByOther',
      by: `the run ${owner}`,
    });
    const byKubectl = view({ unschedulable: true, unschedulableBy: { manager: 'kubectl', at: now } });
    expect(planCordon(byKubectl, { uid: 'u1', owner, protectionKeys, now })).toEqual({
      kind: 'cordonedByOther',
      by: `kubectl at ${now}`,
    });
  });

  it('is not for another node of the same name [I27]', () => {
    expect(planCordon(view({ uid: 'u2' }), { uid: 'u1', owner, protectionKeys, now }).kind).toBe(
      'notTheNode',
    );
  });
});

describe('an uncordon', () => {
  it.each([{}, { 'autoscaler/keep': 'false' }, { 'karpenter/keep': 'true' }])(
    'puts back what stood there before: %j [I28]',
    (protections) => {
      const before = view({ protections });
      const step = uncordon(cordoned(before), '2026.11');
      if (step.kind !== 'patch') throw new Error(step.kind);
      const after = patched(cordoned(before), step.patch);
      expect(after.protections).toEqual(protections);
      expect(after.annotations).toEqual({ 'refit.dev/release': '2026.11' });
      expect(after.unschedulable).toBe(false);
    },
  );

  it('leaves a protection that somebody changed since as he left it [I28]', () => {
    const ours = cordoned(view());
    const step = uncordon({ ...ours, protections: { ...ours.protections, 'autoscaler/keep': 'false' } });
    if (step.kind !== 'patch') throw new Error(step.kind);
    expect(Object.keys(step.patch.metadata.annotations)).not.toContain('autoscaler/keep');
  });

  it('remembers the values before the first cordon when a person lifted it and it is set again [I28]', () => {
    const lifted = {
      ...cordoned(view({ protections: { 'autoscaler/keep': 'false' } })),
      unschedulable: false,
    };
    const step = uncordon(cordoned(lifted));
    if (step.kind !== 'patch') throw new Error(step.kind);
    expect(step.patch.metadata.annotations['autoscaler/keep']).toBe('false');
  });

  it('is refused for a foreign mark, another UID, or a cordon that a person set anew [I27]', () => {
    const ours = cordoned(view());
    expect(uncordon({ ...ours, annotations: { 'refit.dev/owner': 'other' } }).kind).toBe('notOurs');
    expect(uncordon({ ...ours, uid: 'u2' }).kind).toBe('notOurs');
    expect(uncordon({ ...ours, unschedulableBy: { manager: 'kubectl', at: now } })).toEqual({
      kind: 'notOurs',
      found: `cordoned again by kubectl at ${now}, after our own cordon`,
    });
    expect(uncordon(view({ unschedulable: true })).kind).toBe('notOurs');
  });

  it('done twice is done once, and clears our marks when a person was faster', () => {
    expect(uncordon(view()).kind).toBe('alreadyUncordoned');
    expect(uncordon({ ...cordoned(view()), unschedulable: false })).toMatchObject({
      kind: 'patch',
      lifts: false,
    });
  });
});

describe('a node that may be emptied', () => {
  const asked = { node: 'n1', uid: 'u1', owner };

  it('is there, is the one meant, carries our mark and is cordoned [I26]', () => {
    expect(whyNotOurs(cordoned(view()), asked)).toBeUndefined();
  });

  it.each([
    ['gone', undefined, 'is gone'],
    ['another one', view({ uid: 'u2' }), 'another one now'],
    ['without a mark', view({ unschedulable: true }), 'no owner mark'],
    ['marked by another run', view({ annotations: { 'refit.dev/owner': 'other' } }), 'the mark of other'],
    ['schedulable', { ...cordoned(view()), unschedulable: false }, 'uncordoned by somebody'],
  ])('is not one that is %s [I26]', (_what, seen, text) => {
    expect(whyNotOurs(seen, asked)).toContain(text);
  });
});
