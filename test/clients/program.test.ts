// The command line as a whole: help, suggestions, colours, and what this version does not offer.
import { describe, expect, it } from '@jest/globals';
import { runRefit } from './fake-context.ts';

const COMMANDS = [
  'nodes',
  'plan',
  'upgrade',
  'status',
  'why',
  'approve',
  'reject',
  'pause',
  'resume',
  'skip',
  'retry',
  'abort',
  'report',
  'drain',
  'validate',
  'schema',
  'worker',
  'completion',
];

describe('the command line as a whole', () => {
  it('tells every command, the exit codes and a first look in its help', async () => {
    const { exitCode, out } = await runRefit(['--help']);
    expect(exitCode).toBe(0);
    for (const command of [...COMMANDS, 'sandbox']) expect(out).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    expect(out).toContain('130  interrupted');
    expect(out).toContain('A first look');
  });

  it.each(COMMANDS)('shows examples in the help of %s', async (command) => {
    const { exitCode, out } = await runRefit([command, '--help']);
    expect(exitCode).toBe(0);
    expect(out).toContain('Examples:');
    expect(out).toMatch(/\$ .*refit/);
  });

  it('suggests the nearest command for one that it does not know, and exits with 1', async () => {
    const { exitCode, out, err } = await runRefit(['aprove', 'node/a']);
    expect(exitCode).toBe(1);
    expect(err).toContain("unknown command 'aprove'");
    expect(err).toContain('Did you mean approve?');
    expect(out).toBe('');
  });

  it.each(['repave', 'replace-cluster'])(
    'does not offer %s, which this version cannot do',
    async (command) => {
      const { exitCode, err } = await runRefit([command]);
      expect(exitCode).toBe(1);
      expect(err).toContain(`unknown command '${command}'`);
    },
  );

  it('names an unknown option and an unknown output format', async () => {
    expect((await runRefit(['nodes', '--chek'])).err).toContain('Did you mean --check?');
    const format = await runRefit(['nodes', '-o', 'xml']);
    expect(format.exitCode).toBe(1);
    expect(format.err).toContain('Allowed choices are text, wide, json, yaml');
  });

  it('prints errors in red on a terminal alone, and never with NO_COLOR', async () => {
    const red = '\u001b[31m';
    expect((await runRefit(['nope'], { isTTY: true })).err).toContain(red);
    expect((await runRefit(['nope'], { isTTY: true, env: { NO_COLOR: '1' } })).err).not.toContain(red);
    expect((await runRefit(['nope'])).err).not.toContain(red);
  });
});

describe('refit worker', () => {
  it('is a worker with its options as the variables that a worker reads', async () => {
    const settings: unknown[] = [];
    const runWorker = (env: unknown) => {
      settings.push(env);
      return Promise.resolve();
    };
    const args = ['worker', '--address', 'here:1', '--fleet-file', 'fleet.yaml'];
    const { exitCode } = await runRefit(args, { runWorker, env: { TEMPORAL_NAMESPACE: 'fleets' } });
    expect(settings).toEqual([
      { TEMPORAL_ADDRESS: 'here:1', TEMPORAL_NAMESPACE: 'fleets', REFIT_FLEET: 'fleet.yaml' },
    ]);
    expect(exitCode).toBe(0);
  });

  it('ends with 1 and one clear error when the worker cannot begin', async () => {
    const runWorker = () => Promise.reject(new Error('REFIT_FLEET and REFIT_RECORDS not set'));
    const { exitCode, err } = await runRefit(['worker'], { runWorker });
    expect(exitCode).toBe(1);
    expect(err).toBe('error: REFIT_FLEET and REFIT_RECORDS not set\n');
  });
});
