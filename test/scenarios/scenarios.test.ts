// Golden stories of the planner. After a change of its answers on purpose, write them again with
// REFIT_WRITE_SCENARIOS=1 and read the difference.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { replayScenario } from './scenario.ts';

const folder = import.meta.dirname;
const scenarios = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('scenarios of the planner', () => {
  it.each(scenarios)('%s goes as it is told', (name) => {
    const path = join(folder, name);
    const told = readFileSync(path, 'utf8');
    const replayed = replayScenario(told);
    if (process.env['REFIT_WRITE_SCENARIOS'] === '1') writeFileSync(path, replayed);
    else expect(replayed).toBe(told);
  });

  it('are several, each opening with why it exists', () => {
    expect(scenarios.length).toBeGreaterThanOrEqual(5);
    for (const name of scenarios) expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^# Why: /);
  });
});
