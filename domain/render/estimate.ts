// What a plan is expected to take, in lines: how long, in which windows, how much stands idle, who is asked.
// Must never tell a range without saying what it was made of, and what is not in it.
import { OPENINGS_ESTIMATED_MAX } from '../estimate.ts';
import type { ApprovalNeed, ExpectedRun, OpeningEstimate, PlanEstimate, PoolEstimate } from '../estimate.ts';
import { renderSpan } from './span.ts';

export function renderEstimate(estimate: PlanEstimate): readonly string[] {
  const { pools, openings, openingsLeft, approvals, whole } = estimate;
  if (pools.length === 0) return [];
  return [
    `${renderExpectedTime(whole)}, from ${estimate.from}; waiting for people not counted`,
    ...pools.map((pool) => `  ${pool.pool}: ${renderPoolEstimate(pool)}`),
    ...openings.map((opening) => `  ${opening.pool}: ${renderOpeningEstimate(opening)}`),
    ...(openingsLeft > 0
      ? [`  … and ${openingsLeft} more openings after these ${OPENINGS_ESTIMATED_MAX}`]
      : []),
    `  ${ESTIMATE_LEAVES_OUT}`,
    `GPUs idle: ${renderGpuHours(whole)}`,
    ...(approvals.length === 0
      ? ['Asked of people: nothing']
      : [
          'Asked of people, which takes as long as they take:',
          ...approvals.map((one) => `  ${renderApprovalNeed(one)}`),
        ]),
  ];
}

export const ESTIMATE_LEAVES_OUT =
  'not in it: answers of people, deferrals, failures and retries, and drains longer than assumed';

/** `expected to take 2h10m to 8h` */
export function renderExpectedTime({ lowMs, highMs }: ExpectedRun): string {
  if (highMs === null) return `expected to take ${renderSpan(lowMs)} at the least, and it may not end`;
  return `expected to take ${renderRange(lowMs, highMs)}`;
}

export function renderRange(lowMs: number, highMs: number): string {
  const [low, high] = [renderSpan(lowMs), renderSpan(highMs)];
  return low === high ? low : `${low} to ${high}`;
}

export function renderPoolEstimate(pool: PoolEstimate): string {
  const { nodes, node, soakMs, earliest, latest, unending } = pool;
  const each = `${renderRange(node.lowMs, node.highMs)} each`;
  const source =
    node.measured === 0 ? 'assumed from its policy' : `as the last ${node.measured} of this pool took`;
  const soak = soakMs === 0 ? '' : `, canaries watched for ${renderSpan(soakMs)}`;
  const end = latest === null ? `ends ${earliest.end} at the earliest` : renderEnd(earliest.end, latest.end);
  const never = unending === undefined ? '' : `; it may not end: ${unending}`;
  return `${nodes === 1 ? '1 node' : `${nodes} nodes`}, ${each} (${source})${soak}; ${end}${never}`;
}

function renderEnd(earliest: string, latest: string): string {
  return earliest === latest ? `ends ${earliest}` : `ends between ${earliest} and ${latest}`;
}

export function renderOpeningEstimate({ from, until, nodesLow, nodesHigh }: OpeningEstimate): string {
  const nodes = nodesLow === nodesHigh ? `${nodesHigh} nodes` : `${nodesLow} to ${nodesHigh} nodes`;
  return until === null ? `from ${from} on: ${nodes} begin` : `${from} to ${until}: ${nodes} begin`;
}

export function renderGpuHours({ gpuHours: { low, high } }: ExpectedRun): string {
  if (high === 0) return 'none that the nodes show';
  return low === high ? `${high} GPU-hours` : `${low} to ${high} GPU-hours`;
}

/** `gate node/… of h100, 12 times, 2 people each, not whoever asks for the run` */
export function renderApprovalNeed(need: ApprovalNeed): string {
  const { gate, pool, times, approvers, notRequester, onlyWhen } = need;
  const often = times === 1 ? 'once' : `${onlyWhen === undefined ? '' : 'at most '}${times} times`;
  const people = approvers === 1 ? 'one person' : `${approvers} people`;
  return [
    `gate ${gate}${gate.endsWith(`/${pool}`) ? '' : ` (${pool})`}: ${often}, ${people}${times === 1 ? '' : ' each'}`,
    ...(notRequester ? ['not whoever asks for the run'] : []),
    ...(onlyWhen === undefined ? [] : [`only if ${onlyWhen}`]),
  ].join(', ');
}
