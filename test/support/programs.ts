/**
 * Programs that are not ours and that some suites need: found on the PATH, or missed out loud. Where
 * SLUICE_REQUIRE_ALL is set, a missing one fails the run.
 */
import { describe, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'

interface ProgramSpec {
  /** What is typed to get it where it is missing. */
  readonly install: string
  /** Arguments with which the right one ends in success; by default any of the name will do. */
  readonly probe?: readonly string[]
}

const PROGRAMS = {
  chromium: { install: 'apt-get install chromium' },
  curl: { install: 'apt-get install curl' },
  haproxy: { install: 'apt-get install haproxy' },
  nginx: { install: 'apt-get install nginx-light' },
  openssl: { install: 'apt-get install openssl' },
  prometheus: { install: 'apt-get install prometheus' },
  promtool: { install: 'apt-get install prometheus' },
  python3: {
    install: 'apt-get install python3-prometheus-client',
    probe: ['-c', 'import prometheus_client'],
  },
  'redis-sentinel': { install: 'apt-get install redis-sentinel' },
  'redis-server': { install: 'apt-get install redis-server' },
  'systemd-analyze': { install: 'apt-get install systemd' },
  'systemd-socket-activate': { install: 'apt-get install systemd' },
  'valkey-server': { install: 'apt-get install valkey-server; in Debian 12 from its backports' },
} as const satisfies Record<string, ProgramSpec>

export type ProgramName = keyof typeof PROGRAMS

const found = new Map<ProgramName, string | undefined>()

/** The path of a program, the first on the PATH that will do; undefined where there is none. */
export function findProgram(name: ProgramName): string | undefined {
  if (!found.has(name)) found.set(name, lookUp(name, PROGRAMS[name]))
  return found.get(name)
}

/** As findProgram, for the inside of a suite that describeWith runs only where the program is. */
export function needProgram(name: ProgramName): string {
  const file = findProgram(name)
  if (file === undefined) throw new Error(`${name} is missing (${PROGRAMS[name].install})`)
  return file
}

/**
 * A suite that needs programs. Where one is missing, one line says which suite did not run and how
 * to change that; with SLUICE_REQUIRE_ALL set, that fails.
 */
export function describeWith(
  needed: ProgramName | readonly ProgramName[],
  title: string,
  suite: () => void,
): void {
  const names = typeof needed === 'string' ? [needed] : needed
  const missing = names.filter((name) => findProgram(name) === undefined)
  if (missing.length === 0) return describe(title, suite)
  const installs = [...new Set(missing.map((name) => PROGRAMS[name].install))]
  const line = `NOT RUN: "${title}" needs ${missing.join(' and ')} on the PATH (${installs.join('; ')})`
  describe(title, () => {
    test(`this suite did not run, for want of ${missing.join(' and ')}`, () => reportNotRun(line))
  })
}

/** Says what could not run here; where SLUICE_REQUIRE_ALL is set, that fails the test. */
export function reportNotRun(line: string): void {
  if (process.env.SLUICE_REQUIRE_ALL) throw new Error(line)
  process.stderr.write(`${line}\n`)
}

function lookUp(name: ProgramName, { probe }: ProgramSpec): string | undefined {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .filter(isExecutable)
    .find((file) => probe === undefined || spawnSync(file, probe).status === 0)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
