// The effective values of the policies of a plan, by where they come from: one block for each policy.
import { listPolicyValues } from '../policy-origins.ts';
import type { PolicyValue } from '../policy-origins.ts';
import type { RunDefinition } from '../run.ts';
import { indent, renderColumns } from './columns.ts';
import { printable } from './printable.ts';

/** Windows and rules may be long; the JSON has them whole. */
const VALUE_CHARS_MAX = 80;

/** Nothing where it is not known. */
export function renderOrigins({ pools, origins }: RunDefinition): readonly string[] {
  if (origins === undefined) return [];
  const blocks = new Map<string, { pools: string[]; values: readonly PolicyValue[]; name: string }>();
  for (const { name, policy } of pools) {
    const values = listPolicyValues(policy, origins);
    const key = JSON.stringify([policy.name, values]);
    const block = blocks.get(key);
    if (block === undefined) blocks.set(key, { pools: [name], values, name: policy.name });
    else block.pools.push(name);
  }
  return [...blocks.values()].flatMap((block) => [
    '',
    `Policy ${block.name} of ${block.pools.join(', ')}: where its values come from`,
    ...indent(renderValues(block.values)),
  ]);
}

/** What somebody has written has a line of its own, and comes first; the defaults have one together. */
function renderValues(values: readonly PolicyValue[]): readonly string[] {
  const written = values
    .filter(({ from }) => from !== 'default')
    .sort((a, b) => Number(b.from === 'override') - Number(a.from === 'override'));
  const defaults = values.filter(({ from }) => from === 'default').map(renderValue);
  const rows = [
    ...written.map((value) => [value.from, renderValue(value)]),
    ...(defaults.length === 0 ? [] : [['default', defaults.join(', ')]]),
  ];
  return renderColumns(['FROM', 'VALUE'], rows);
}

function renderValue({ field, value }: PolicyValue): string {
  return `${field} ${printable(value, VALUE_CHARS_MAX)}`;
}
