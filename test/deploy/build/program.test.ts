import { describe, expect, test } from '@jest/globals'
import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { temporaryFolder } from '../../support/cleanup.ts'
import { runToEnd } from '../../support/processes.ts'
import { MAIN } from '../../support/program.ts'

const ROOT = path.join(import.meta.dirname, '../../..')
const PROGRAM = path.dirname(MAIN)

function read(file: string): string {
  return readFileSync(path.join(PROGRAM, file), 'utf8')
}

const PARTS = readdirSync(PROGRAM).filter((file) => file.endsWith('.js'))

/** Packages whose code is in a part: each file's place stands before it. */
function packagesIn(part: string): Set<string> {
  const places = read(part).matchAll(/^\/\/ .*node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm)
  return new Set([...places].map(([, name]) => name!))
}

/** The parts that every start loads. */
function loadedAtStart(): string[] {
  const loaded = new Set([path.basename(MAIN)])
  for (const part of loaded) {
    const imports = read(part).matchAll(/^(?:\} from|import) "\.\/([^"]+)";$/gm)
    for (const [, next] of imports) loaded.add(next!)
  }
  return [...loaded]
}

describe('the built program', () => {
  test('is few files, with maps and without what is left of other builds', () => {
    expect(PARTS.length).toBeLessThan(30)
    const maps = readdirSync(PROGRAM).filter((file) => file.endsWith('.js.map'))
    expect(maps.sort()).toEqual(PARTS.map((file) => `${file}.map`).sort())
  })

  test('loads at its start what every gateway uses, and nothing that few do', () => {
    const packages = new Set(loadedAtStart().flatMap((part) => [...packagesIn(part)]))
    expect([...packages]).toEqual(
      expect.arrayContaining(['express', 'winston', 'prom-client', '@bufbuild/protobuf']),
    )
    const few = ['ioredis', 'zod', 'yaml', 'body-parser', 'iconv-lite', 'mime-types', 'mime-db']
    expect([...few, '@opentelemetry/api'].filter((name) => packages.has(name))).toEqual([])
  })

  test('finds in node_modules what it does not hold', () => {
    const outside = new Set(
      PARTS.flatMap((part) => [...read(part).matchAll(/\b__require\d*\("([^"./][^"]*)"\)/g)]).map(
        ([, name]) => name!,
      ),
    )
    expect(outside).toContain('body-parser')
    const missing = [...outside, 'better-sqlite3', 'bcryptjs'].filter((name) => {
      try {
        createRequire(MAIN).resolve(name)
        return false
      } catch {
        return true
      }
    })
    expect(missing).toEqual([])
  })

  test('comes with the licence of every package that it holds', () => {
    const notices = new Map(
      readFileSync(path.join(PROGRAM, '../NOTICE'), 'utf8')
        .split(/^==== /m)
        .map((notice) => [/^(\S+) \d/.exec(notice)?.[1], notice]),
    )
    const packages = new Set(PARTS.flatMap((part) => [...packagesIn(part)]))
    expect(packages.size).toBeGreaterThan(50)
    const terms =
      /permission is hereby granted|permission to use|redistribution and use|apache license/i
    const without = [...packages].filter((name) => !terms.test(notices.get(name) ?? ''))
    expect(without).toEqual([])
  })
})

test('what is deferred works when it is used after all', async () => {
  const folder = temporaryFolder()
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'))
  const script = path.join(import.meta.dirname, 'bundle-deferred.ts')
  const built = await runToEnd(process.execPath, ['--import', 'tsx', script, folder])
  expect(built).toMatchObject({ status: 0, stderr: '' })
  const ran = await runToEnd(process.execPath, [path.join(folder, 'program.cjs')])
  expect(ran.stderr).toBe('')
  expect(ran.stdout).toBe('text/html; charset=utf-8 hello\nECONNREFUSED\n')
})
