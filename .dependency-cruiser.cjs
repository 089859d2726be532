// Who may import whom. The table stands in docs/ARCHITECTURE.md; each rule says why it is there.
const outside = (allowed) => `^(?!(${allowed.join('|')}))`;
const only = (name, why, from, allowed) => ({
  name,
  comment: why,
  severity: 'error',
  from: { path: from },
  to: { path: outside(allowed) },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'a cycle has no beginning to read from',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-unresolved',
      comment: 'a rule cannot hold what it cannot see',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    only(
      'domain-is-pure',
      'decisions must replay: no npm, no node:, no clock, no I/O',
      '^domain/(?!schemas/|planning/windows\\.ts$)',
      ['domain/(?!schemas/)'],
    ),
    only(
      'windows-know-time-zones',
      'hours that do not exist or exist twice need a library that is exact about them; nobody else may load it',
      '^domain/planning/windows\\.ts$',
      ['domain/(?!schemas/)', '[./a-z]*node_modules/temporal-polyfill/'],
    ),
    {
      name: 'workflows-load-no-time-zones',
      comment: 'zones come with the worker and change under a replay; windows are laid out by an activity',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { path: '^domain/planning/windows\\.ts$', reachable: true },
    },
    only('schemas-know-zod-alone', 'untrusted input is parsed by zod and nothing else', '^domain/schemas/', [
      'domain/',
      '[./a-z]*node_modules/zod/',
    ]),
    only(
      'workflows-drive-only',
      'workflow code runs in a deterministic sandbox; zod costs 600 KB a cached workflow',
      '^workflows/',
      [
        'workflows/',
        'domain/(?!schemas/)',
        'activities/',
        '[./a-z]*node_modules/@temporalio/(workflow|common)/',
      ],
    ),
    {
      name: 'workflows-take-activity-types-only',
      comment: 'an activity imported as a value would run inside the workflow',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { path: '^activities/', dependencyTypesNot: ['type-only'] },
    },
    only(
      'activities-are-thin',
      'an activity parses, calls a port and maps the error; a vendor SDK has its home in adapters',
      '^activities/',
      [
        'activities/',
        'domain/',
        'adapters/ports/',
        '[./a-z]*node_modules/@temporalio/(activity|common)/',
        // Digests and client tokens.
        '(node:)?crypto$',
      ],
    ),
    {
      name: 'adapters-know-no-temporal',
      comment: 'a port must be usable by the CLI without a worker',
      severity: 'error',
      from: { path: '^adapters/' },
      to: {
        path: '^(workflows|activities|workers|clients|sandbox|test|bench)/|(^|/)node_modules/@temporalio/',
      },
    },
    {
      name: 'ports-are-types',
      comment: 'a port that imports an SDK is that SDK',
      severity: 'error',
      from: { path: '^adapters/ports/' },
      to: { path: outside(['adapters/ports/', 'domain/']) },
    },
    {
      name: 'workers-compose',
      comment: 'the composition root takes workflows by path, so that they are bundled',
      severity: 'error',
      from: { path: '^workers/' },
      to: { path: '^(clients|sandbox|test|bench)/|^workflows/(?!messages)' },
    },
    {
      name: 'clients-do-not-act',
      comment: 'what changes the world goes through a workflow; checking a file changes nothing',
      severity: 'error',
      from: { path: '^clients/' },
      to: {
        path:
          '^(test|bench)/|^activities/(?!observe|rollouts)|^adapters/(?!ports/|fleet-files/validate-files)|' +
          '^workers/(?!compose|main|settings)',
      },
    },
    {
      name: 'sandbox-stands-alone',
      comment: 'the test bed must not share code with what it tests',
      severity: 'error',
      from: { path: '^sandbox/' },
      to: { path: '^(workflows|activities|workers|clients|test|bench)/|^adapters/(?!ports/)' },
    },
    {
      name: 'checkers-share-nothing',
      comment: 'a witness that shares code with what it judges makes the same mistakes',
      severity: 'error',
      from: { path: '^test/checker/(?!.*[.]test[.]ts$)' },
      to: {
        path: '^(domain|workflows|activities|adapters|workers|clients)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'nothing-imports-tests',
      comment: 'tests look at the code, never the reverse',
      severity: 'error',
      from: { path: '^(?!test/|bench/)' },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
