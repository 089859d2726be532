// What has changed between two looks at a run, one line each: what `--watch` prints into a pipe.
// Pure, and complete in itself: the first look is told as changes from nothing.
import { printable } from '../../../domain/render/printable.ts';
import { renderProgress } from '../../../domain/render/progress.ts';
import { renderCounts } from '../../../domain/render/status.ts';
import type { ActiveNode, Gate, RunStatus } from '../../../domain/status.ts';

export function renderChanges(before: RunStatus | undefined, after: RunStatus): readonly string[] {
  return [
    ...phaseChanges(before, after),
    ...newEvents(before, after),
    ...gateChanges(before, after),
    ...nodeChanges(before, after),
    ...ignoredChanges(before, after),
    ...countChanges(before, after),
  ];
}

function phaseChanges(before: RunStatus | undefined, after: RunStatus): readonly string[] {
  const told = describePhase(after);
  return before !== undefined && describePhase(before) === told ? [] : [`run ${after.workflowId}: ${told}`];
}

function describePhase(status: RunStatus): string {
  const outcome = status.outcome === null ? '' : `, ${status.outcome}`;
  const why = status.phaseWhy === null ? '' : ` (${printable(status.phaseWhy)})`;
  return `${status.phase}${outcome}${why}`;
}

/** The run's own log; its last 50 entries travel, so that a slow look may miss older ones. */
function newEvents(before: RunStatus | undefined, after: RunStatus): readonly string[] {
  const seen = new Set((before?.events ?? []).map((event) => `${event.at} ${event.text}`));
  return after.events
    .filter((event) => !seen.has(`${event.at} ${event.text}`))
    .map((event) => printable(event.text))
    .filter((text) => !GATE_OPENED.test(text));
}

/** Told with its answer below. */
const GATE_OPENED = /^gate \S+ opened$/;

function gateChanges(before: RunStatus | undefined, after: RunStatus): readonly string[] {
  const known = new Set((before?.gates ?? []).map((gate) => gate.name));
  return after.gates.filter((gate) => !known.has(gate.name)).map(renderOpened);
}

function renderOpened(gate: Gate): string {
  const [answer] = gate.answers;
  return `gate ${gate.name} is open${answer === undefined ? '' : `; answer it: ${answer}`}`;
}

function nodeChanges(before: RunStatus | undefined, after: RunStatus): readonly string[] {
  const known = new Map((before?.active ?? []).map((node) => [node.node, describeActive(node)]));
  // A mere change of state stands in the run's own log as well.
  const told = new Set(after.events.map((event) => event.text));
  return after.active
    .filter((node) => known.get(node.node) !== describeActive(node))
    .map((node) => `${node.node}: ${describeActive(node)}`)
    .filter((line) => !told.has(line));
}

/** `draining (3 of 9 pods left; training/llama-7: held by PDB llama)` */
export function describeActive(node: ActiveNode): string {
  const attempt = node.attempt > 1 ? `, attempt ${String(node.attempt)}` : '';
  return `${node.state}${attempt}${describeProgress(node)}`;
}

function describeProgress({ progress, state }: ActiveNode): string {
  return progress === null || state !== 'draining' ? '' : ` (${renderProgress(progress)})`;
}

function ignoredChanges(before: RunStatus | undefined, after: RunStatus): readonly string[] {
  const seen = new Set((before?.ignored ?? []).map((one) => `${one.at} ${one.message} ${one.content}`));
  return after.ignored
    .filter((one) => !seen.has(`${one.at} ${one.message} ${one.content}`))
    .map((one) => `ignored ${printable(one.message)}: ${printable(one.why)}`);
}

function countChanges(before: RunStatus | undefined, after: RunStatus): readonly string[] {
  const { done, failed, skipped, total } = after.counts;
  const old = before?.counts;
  if (old !== undefined && old.done === done && old.failed === failed && old.skipped === skipped) return [];
  return total === 0 ? [] : [renderCounts(after.counts)];
}
