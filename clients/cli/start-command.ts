// The command line that runs the very plan that was looked at: with the same scope, release and overrides,
// for the digest is of all of them. Quoted, so that it may be pasted into a shell.
import type { PromotionInput } from '../../domain/promotion.ts';
import type { FleetUpgradeInput } from '../../domain/run.ts';

/** `fleet`: where a person had to say which. */
export function startCommandOf(input: FleetUpgradeInput, digest: string, fleet?: string): string {
  const words = [
    'refit',
    'upgrade',
    input.cluster,
    ...(fleet === undefined ? [] : ['--fleet', fleet]),
    ...(input.pools ?? []).flatMap((pool) => ['--pool', pool]),
    ...(input.nodes ?? []).flatMap((node) => ['--node', node]),
    ...(input.release === undefined ? [] : ['--release', input.release]),
    ...(input.policy === undefined ? [] : ['--policy', JSON.stringify(input.policy)]),
    '--plan-digest',
    digest,
  ];
  return words.map(quote).join(' ');
}

export function promotionCommandOf(input: PromotionInput): string {
  const words = [
    ...['refit', 'upgrade', '--promote', '--fleet', input.fleet],
    ...(input.release === undefined ? [] : ['--release', input.release]),
    ...(input.policy === undefined ? [] : ['--policy', JSON.stringify(input.policy)]),
  ];
  return words.map(quote).join(' ');
}

const PLAIN_WORD = /^[A-Za-z0-9_.,:=@%/+-]+$/;

function quote(word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
