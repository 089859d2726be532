// How far a drain is, in one line: pods left, and who holds the first of them.
import type { DrainProgress } from '../node-state.ts';
import { printable } from './printable.ts';

/** `3 of 9 pods left; training/llama-7 held by PDB llama (and 1 more)` */
export function renderProgress(progress: DrainProgress): string {
  const pods = `${progress.podsLeft} of ${progress.podsTotal} pods left`;
  const [first] = progress.blockers;
  if (first === undefined) return pods;
  const more = progress.blockersTotal > 1 ? ` (and ${progress.blockersTotal - 1} more)` : '';
  return `${pods}; ${printable(first.text, 160)}${more}`;
}
