/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  globalSetup: '<rootDir>/test/support/build.ts',
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }],
  },
  coverageProvider: 'v8',
  collectCoverageFrom: ['server/**/*.ts', 'storage/**/*.ts', 'migrations/**/*.ts'],
  // Most of them wait for programs of their own; jest's default would leave one core of two to them.
  maxWorkers: '100%',
  testTimeout: 30_000,
}
