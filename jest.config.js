// One jest: `unit` and `simulation` need nothing but Node, and the second takes a minute; `workflows` starts a
// Temporal server, `sandbox` all of them.
const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'es6' } },
    ],
  },
};

export default {
  // A limit against what hangs, and no judgement of how fast anything is: a busy machine takes its time.
  testTimeout: 1_800_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: [
        '<rootDir>/test/sandbox/',
        '<rootDir>/test/end-to-end/',
        '<rootDir>/test/workflows/',
        '<rootDir>/test/replay/',
        '<rootDir>/test/simulation/',
      ],
    },
    {
      ...shared,
      displayName: 'simulation',
      testMatch: ['<rootDir>/test/simulation/**/*.test.ts'],
    },
    {
      ...shared,
      displayName: 'workflows',
      testMatch: ['<rootDir>/test/workflows/**/*.test.ts', '<rootDir>/test/replay/**/*.test.ts'],
    },
    {
      ...shared,
      displayName: 'sandbox',
      testMatch: ['<rootDir>/test/sandbox/**/*.test.ts', '<rootDir>/test/end-to-end/**/*.test.ts'],
    },
  ],
};
