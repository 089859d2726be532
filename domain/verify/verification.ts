// Is the node what its release promises? Judged from the shared watch, which for a while after a boot
// shows what was true before it. Must never take an old truth for a new one: each finding counts only
// when whoever reports it (the kubelet, a DaemonSet's pod) has started after the boot [I46].
//
// Answers with all of the evidence each time, so that a person sees what was expected and what stood there.
import type { NodeFacts } from '../inventory.ts';
import type { NodeStep } from '../plan.ts';
import { whyReadyStale } from './rejoin.ts';

export type VerifyFacts = {
  node: NodeFacts;
  daemonSets: readonly { namespace: string; name: string; ready: boolean; startedAt: string | null }[];
};

/** One thing looked at after the boot. */
type Evidence = {
  check: 'ready' | 'kubeletVersion' | 'osImage' | 'label' | 'daemonSet' | 'gpus';
  subject: string;
  expected: string;
  found: string;
  ok: boolean;
};

export type VerificationJudgement =
  | { kind: 'verified'; evidence: readonly Evidence[] }
  /** Something is missing or stale that may still come. */
  | { kind: 'notYet'; evidence: readonly Evidence[]; why: string }
  /** What was reported is of the new boot, and waiting cannot change it. */
  | { kind: 'failed'; evidence: readonly Evidence[]; why: string };

/** The part of a `NodeStep` that this question is about. */
export type VerifyTarget = Pick<NodeStep, 'release' | 'before'>;

/** DaemonSets whose pods write node labels and allocatable devices. */
const DEVICE_PLUGIN = /device-plugin/;
const LABEL_WRITER = /feature-discovery|device-plugin/;
/** Labels that a DaemonSet writes while it runs; they outlive both the pod and the boot. */
const WRITTEN_LABEL = /^([a-z0-9.-]+\.)?(nvidia\.com|amd\.com|intel\.com|feature\.node\.kubernetes\.io)\//;

export function judgeVerification(
  target: VerifyTarget,
  facts: VerifyFacts,
  since: string,
  bootId: string,
): VerificationJudgement {
  const ready = readyEvidence(facts.node, since, bootId);
  const kubelet = kubeletEvidence(target, facts.node);
  const daemonSets = target.before.daemonSets.map((wanted) => daemonSetEvidence(wanted, facts, since));
  const evidence = [
    ready,
    ...kubelet,
    ...daemonSets,
    ...labelEvidence(target, facts, since),
    ...gpuEvidence(target, facts, since),
  ];
  const wrong = evidence.filter((item) => !item.ok);
  if (wrong.length === 0) return { kind: 'verified', evidence };
  // Version and OS stand in the very report that carries the new bootID: a wrong one stays wrong.
  const final = ready.ok ? kubelet.filter((item) => !item.ok) : [];
  if (final.length > 0) return { kind: 'failed', evidence, why: renderWrong(final) };
  return { kind: 'notYet', evidence, why: renderWrong(wrong) };
}

/** Each wrong finding in one line; at most five, since a reason is read by people. */
function renderWrong(evidence: readonly Evidence[]): string {
  const wrong = evidence.filter((item) => !item.ok);
  const shown = wrong
    .slice(0, 5)
    .map(
      ({ check, subject, expected, found }) => `${check} ${subject}: expected ${expected}, found ${found}`,
    );
  return [...shown, ...(wrong.length > 5 ? [`and ${wrong.length - 5} more`] : [])].join('; ');
}

function readyEvidence(node: NodeFacts, since: string, bootId: string): Evidence {
  const stale = whyReadyStale(node, since);
  const found =
    node.bootId !== bootId
      ? `boot ${node.bootId}`
      : (stale ?? `boot ${node.bootId}, Ready ${node.ready} at ${node.readyHeartbeatAt}`);
  const ok = node.bootId === bootId && stale === undefined && node.ready === 'True';
  return {
    check: 'ready',
    subject: node.name,
    expected: `boot ${bootId}, Ready True after ${since}`,
    found,
    ok,
  };
}

function kubeletEvidence(target: VerifyTarget, node: NodeFacts): readonly Evidence[] {
  const { kubeletVersion, osImage } = target.release.expects;
  const compare = (
    check: 'kubeletVersion' | 'osImage',
    expected: string | null,
    found: string,
  ): Evidence[] =>
    expected === null ? [] : [{ check, subject: node.name, expected, found, ok: found === expected }];
  return [
    ...compare('kubeletVersion', kubeletVersion, node.kubeletVersion),
    ...compare('osImage', osImage, node.osImage),
  ];
}

function daemonSetEvidence(
  wanted: { namespace: string; name: string },
  facts: VerifyFacts,
  since: string,
): Evidence {
  const here = facts.daemonSets.find(
    (candidate) => candidate.namespace === wanted.namespace && candidate.name === wanted.name,
  );
  const found =
    here === undefined
      ? 'no pod on the node'
      : here.startedAt === null
        ? 'no container running'
        : `${here.ready ? 'Ready' : 'not Ready'}, containers started ${here.startedAt}`;
  return {
    check: 'daemonSet',
    subject: `${wanted.namespace}/${wanted.name}`,
    expected: `Ready, containers started after ${since}`,
    found,
    ok: here !== undefined && here.ready && isFresh(here, since),
  };
}

function labelEvidence(target: VerifyTarget, facts: VerifyFacts, since: string): readonly Evidence[] {
  return Object.entries(target.release.expects.labels).map(([key, expected]) => {
    const found = facts.node.labels[key];
    const doubt = WRITTEN_LABEL.test(key) ? whyNotWritten(facts, LABEL_WRITER, since) : undefined;
    return {
      check: 'label',
      subject: key,
      expected,
      found: `${found ?? 'none'}${doubt === undefined ? '' : ` (not believed: ${doubt})`}`,
      ok: found === expected && doubt === undefined,
    };
  });
}

/** As many as before at least: a GPU that was out and is back is no fault. */
function gpuEvidence(target: VerifyTarget, facts: VerifyFacts, since: string): readonly Evidence[] {
  const expected = target.before.gpusAllocatable;
  if (expected === 0) return [];
  const found = facts.node.gpusAllocatable;
  const doubt = whyNotWritten(facts, DEVICE_PLUGIN, since);
  return [
    {
      check: 'gpus',
      subject: facts.node.name,
      expected: `${expected} allocatable`,
      found: `${found} allocatable${doubt === undefined ? '' : ` (not believed: ${doubt})`}`,
      ok: found >= expected && doubt === undefined,
    },
  ];
}

/** Why what such DaemonSets write is not of the new boot, or undefined when all of them have started since. */
function whyNotWritten(facts: VerifyFacts, writers: RegExp, since: string): string | undefined {
  const here = facts.daemonSets.filter((daemonSet) => writers.test(daemonSet.name));
  if (here.length === 0) return `no DaemonSet like ${writers.source} on the node to date it`;
  const stale = here.find((daemonSet) => !isFresh(daemonSet, since));
  return stale === undefined ? undefined : `${stale.namespace}/${stale.name} has not started since the boot`;
}

function isFresh(daemonSet: { startedAt: string | null }, since: string): boolean {
  return daemonSet.startedAt !== null && Date.parse(daemonSet.startedAt) > Date.parse(since);
}
