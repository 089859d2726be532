// The demo's questions, asked of a process of their own: what its keys do is known there alone.
import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';

const module = new URL('../../clients/demo/answer-gates.ts', import.meta.url).href;

const asking = `
  import { createGateAnswerer } from ${JSON.stringify(module)};
  const interruption = new AbortController();
  const say = (text) => process.stdout.write(text + '\\n');
  process.on('SIGINT', () => { say('interrupted'); interruption.abort(); });
  const temporal = { update: async (sent) => { say(sent.name + ' ' + JSON.stringify(sent.content)); return { effect: '' }; } };
  const answer = createGateAnswerer({
    temporal, workflowId: 'w', by: 'ana', ask: true, say, interlude: () => undefined, signal: interruption.signal,
  });
  const gates = [{ name: 'node/a', openedAt: '1', evidence: ['a node of the h100s'] }];
  await answer({ gates });
  await answer({ gates });
  await new Promise((resolve) => setImmediate(resolve));
  say(interruption.signal.aborted ? 'over' : 'goes on');
  process.exit(0);
`;

/** Presses the keys as soon as the question stands there. */
function press(keys: string): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', asking]);
  let output = '';
  let pressed = false;
  const read = (chunk: Buffer): void => {
    output += chunk.toString();
    if (pressed || !output.includes('go on?')) return;
    pressed = true;
    child.stdin.write(keys);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return new Promise((resolve) => child.once('close', () => resolve(output)));
}

describe('a question of the demo', () => {
  it('is answered with a key, and asked once', async () => {
    const output = await press('\r');
    expect(output).toContain('a node of the h100s');
    expect(output).toContain('approve {"gate":"node/a","by":"ana"}');
    expect(output).toMatch(/goes on\s*$/);
  });

  it('ends the demo at ctrl-C, answering nothing', async () => {
    const output = await press('\u0003');
    expect(output).toContain('interrupted');
    expect(output).toMatch(/over\s*$/);
    expect(output).not.toContain('{"gate"');
  });
});
