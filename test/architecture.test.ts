import { describe, expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

const ROOT = path.join(import.meta.dirname, '..')
const SOURCE_FOLDERS = ['server', 'storage', 'migrations']

/** Paths of all files under these folders, relative to the repository. */
function filesUnder(folders: readonly string[], extension: RegExp): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true }),
    )
    .filter((entry) => entry.isFile() && extension.test(entry.name))
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)))
    .map((file) => file.split(path.sep).join('/'))
    .sort()
}

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8')
}

interface Source {
  readonly file: string
  /** Files of ours, relative to the repository. */
  readonly imports: readonly string[]
  /** Packages and modules of Node. */
  readonly packages: readonly string[]
  /** Files of ours and packages that are loaded with it: neither types nor what is imported when it is needed. */
  readonly loads: readonly string[]
  /** Names that are used, and `a.b` for each use of a property of a name. */
  readonly names: ReadonlySet<string>
  readonly hasDefaultExport: boolean
}

function parseSource(file: string): Source {
  const text = read(file)
  const specifiers = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName)
  const resolved = (specifier: string): string =>
    specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : specifier
  const loads: string[] = []
  const names = new Set<string>()
  let hasDefaultExport = false
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text)
    if (ts.isPropertyAccessExpression(node)) names.add(node.getText())
    if (ts.isExportAssignment(node)) hasDefaultExport = true
    if (node.kind === ts.SyntaxKind.DefaultKeyword) hasDefaultExport = true
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      if (!isType) loads.push(resolved(node.moduleSpecifier.text))
    }
    node.forEachChild(visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true))
  return {
    file,
    imports: specifiers.filter((specifier) => specifier.startsWith('.')).map(resolved),
    packages: specifiers.filter((specifier) => !specifier.startsWith('.')),
    loads,
    names,
    hasDefaultExport,
  }
}

const SOURCES = filesUnder(SOURCE_FOLDERS, /\.ts$/).map(parseSource)
const FILES = new Set(SOURCES.map(({ file }) => file))

function under(folders: readonly string[]): (file: string) => boolean {
  return (file) => folders.some((folder) => file === folder || file.startsWith(`${folder}/`))
}

function sourcesIn(...folders: string[]): Source[] {
  return SOURCES.filter(({ file }) => under(folders)(file))
}

/** `file -> imported file` for each import that is not allowed. */
function forbidden(sources: readonly Source[], isAllowed: (imported: string) => boolean): string[] {
  return sources.flatMap(({ file, imports }) =>
    imports.filter((imported) => !isAllowed(imported)).map((imported) => `${file} -> ${imported}`),
  )
}

test('there are sources to look at, and every import names a file by its real name', () => {
  expect(SOURCES.length).toBeGreaterThan(30)
  expect(forbidden(SOURCES, (imported) => FILES.has(imported))).toEqual([])
})

describe('the pure parts', () => {
  const PURE = ['server/metrics', 'server/groups', 'server/exposition']

  test('import nothing of ours but each other and the errors', () => {
    const allowed = under([...PURE, 'server/errors.ts'])
    expect(forbidden(sourcesIn(...PURE), allowed)).toEqual([])
  })

  test.each([
    ['server/metrics', ['server/metrics']],
    ['server/exposition', ['server/exposition', 'server/metrics', 'server/errors.ts']],
    ['server/errors.ts', []],
  ])('%s knows nothing of those above it', (folder, allowed) => {
    expect(forbidden(sourcesIn(folder), under(allowed))).toEqual([])
  })

  test('use of packages and of Node only what computes', () => {
    const computing = ['node:buffer', 'node:crypto', '@bufbuild/protobuf/wire']
    const others = sourcesIn(...PURE, 'server/errors.ts').flatMap(({ file, packages }) =>
      packages.filter((name) => !computing.includes(name)).map((name) => `${file} -> ${name}`),
    )
    expect(others).toEqual([])
  })

  test('know no clock, no process, no network, no chance and no log', () => {
    const outside = ['Date', 'performance', 'process', 'fetch', 'console', 'globalThis', 'require']
    const waiting = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Promise']
    const chance = ['Math.random', 'randomBytes', 'randomUUID', 'crypto']
    const found = sourcesIn(...PURE).flatMap(({ file, names }) =>
      [...outside, ...waiting, ...chance]
        .filter((name) => names.has(name))
        .map((name) => `${file} uses ${name}`),
    )
    expect(found).toEqual([])
  })
})

describe('imports go one way', () => {
  test('storage never imports server', () => {
    expect(forbidden(sourcesIn('storage'), under(['storage', 'migrations']))).toEqual([])
  })

  test('migrations import neither storage nor server', () => {
    expect(forbidden(sourcesIn('migrations'), under(['migrations']))).toEqual([])
  })

  test('the contract of stores imports nothing', () => {
    expect(sourcesIn('storage/group-store.ts').flatMap(({ imports }) => imports)).toEqual([])
  })

  test('only the app, and what moves stores, open them; the rest of the server knows the contract and its errors', () => {
    const contract = ['storage/group-store.ts', 'storage/errors.ts']
    const server = sourcesIn('server')
    const openers = server.filter(({ imports }) => imports.includes('storage/open.ts'))
    expect(openers.map(({ file }) => file)).toEqual(['server/app.ts', 'server/migrate.ts'])
    const rest = server.filter((source) => !openers.includes(source))
    expect(forbidden(rest, under(['server', ...contract]))).toEqual([])
  })

  test.each([
    ['server/config', ['server/config']],
    [
      'server/view',
      ['server/view', 'server/groups', 'server/exposition', 'server/metrics', 'storage'],
    ],
    [
      'server/telemetry',
      ['server/telemetry', 'server/groups', 'server/exposition', 'server/metrics'],
    ],
  ])('%s knows nothing of those above it', (folder, allowed) => {
    expect(forbidden(sourcesIn(folder), under(allowed))).toEqual([])
  })

  test('the gateway knows neither HTTP nor pages', () => {
    const isEdge = under(['server/http', 'server/ui', 'server/app.ts', 'server/main.ts'])
    expect(forbidden(sourcesIn('server/gateway.ts'), (file) => !isEdge(file))).toEqual([])
  })

  test('nobody imports the program, and only the program imports the app', () => {
    const importers = (file: string): string[] =>
      SOURCES.filter(({ imports }) => imports.includes(file)).map((source) => source.file)
    expect(importers('server/main.ts')).toEqual([])
    expect(importers('server/app.ts')).toEqual(['server/main.ts'])
  })

  test('and never in a circle', () => {
    const imports = new Map(SOURCES.map((source) => [source.file, source.imports]))
    const circles: string[] = []
    const done = new Set<string>()
    const walk = (file: string, way: readonly string[]): void => {
      if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' -> '))
      if (done.has(file) || way.includes(file)) return
      for (const next of imports.get(file) ?? []) walk(next, [...way, file])
      done.add(file)
    }
    for (const { file } of SOURCES) walk(file, [])
    expect(circles).toEqual([])
  })

  test('only the edge and the program talk HTTP', () => {
    const talking = SOURCES.filter(({ packages }) =>
      packages.some((name) => ['express', 'node:http', 'node:net', 'node:https'].includes(name)),
    )
    const isEdge = under(['server/http', 'server/ui', 'server/app.ts'])
    expect(talking.map(({ file }) => file).filter((file) => !isEdge(file))).toEqual([])
  })

  test('only the stores know SQLite and Redis, only telemetry the libraries of log and metrics', () => {
    const usersOf = (name: string): string[] =>
      SOURCES.filter(({ packages }) => packages.includes(name)).map(({ file }) => file)
    expect(usersOf('better-sqlite3').filter((file) => !file.startsWith('storage/sqlite/'))).toEqual(
      [],
    )
    expect(usersOf('ioredis').filter((file) => !file.startsWith('storage/redis/'))).toEqual([])
    for (const name of ['prom-client', 'winston']) {
      expect(usersOf(name).filter((file) => !file.startsWith('server/telemetry/'))).toEqual([])
    }
  })
})

describe('a start loads what it uses', () => {
  /** What is loaded with a file, and with that in turn. */
  function loadedWith(file: string): Set<string> {
    const loaded = new Set([file])
    for (const each of loaded) {
      for (const next of SOURCES.find((source) => source.file === each)?.loads ?? []) {
        loaded.add(next)
      }
    }
    return loaded
  }

  const SOMETIMES = [
    'better-sqlite3',
    'ioredis',
    'yaml',
    'zod',
    'node:http2',
    'node:https',
    'node:tls',
    'storage/sqlite/sqlite-store.ts',
    'storage/redis/redis-store.ts',
    'server/migrate.ts',
  ]

  test('all that it needs is found', () => {
    const loaded = loadedWith('server/main.ts')
    expect([...loaded]).toEqual(expect.arrayContaining(['express', 'winston', 'prom-client']))
    expect([...loaded]).toEqual(expect.arrayContaining(['server/app.ts', 'server/view/rope.ts']))
  })

  test('and nothing that takes a flag or an address of its own', () => {
    const loaded = loadedWith('server/main.ts')
    expect(SOMETIMES.filter((name) => loaded.has(name))).toEqual([])
  })

  test.each([
    ['storage/sqlite/sqlite-store.ts', 'ioredis'],
    ['storage/redis/redis-store.ts', 'better-sqlite3'],
  ])('%s comes without %s', (store, library) => {
    expect(loadedWith(store).has(library)).toBe(false)
  })
})

test('only the program ends the process, and reads its arguments and environment', () => {
  const found = SOURCES.filter(({ file }) => file !== 'server/main.ts').flatMap(({ file, names }) =>
    [
      'process.exit',
      'process.exitCode',
      'process.argv',
      'process.env',
      'process.on',
      'process.abort',
    ]
      .filter((name) => names.has(name))
      .map((name) => `${file} uses ${name}`),
  )
  expect(found).toEqual([])
})

test('everything has one name: there are no default exports', () => {
  const found = SOURCES.filter(({ hasDefaultExport }) => hasDefaultExport)
  expect(found.map(({ file }) => file)).toEqual([])
})

test('no file is named for being of use', () => {
  const names = filesUnder([...SOURCE_FOLDERS, 'test'], /\.(ts|js)$/)
  const empty = /(^|\/)(utils?|helpers?|common|lib|misc|shared|tools)(\.|\/|$)/
  expect(names.filter((file) => empty.test(file))).toEqual([])
})

test('every source file begins with a comment that says what it is for', () => {
  const comment = /^(\/\*\*?\s|\/\/ \S|-- \S)/
  const found = filesUnder(SOURCE_FOLDERS, /\.(ts|js|css|sql|lua)$/).filter((file) => {
    const text = read(file)
    // The first line of a script says who runs it.
    const hasFirstLine = text.startsWith('#!')
    if (file === 'server/main.ts' && !text.startsWith('#!/usr/bin/env node\n')) return true
    return !comment.test(hasFirstLine ? text.slice(text.indexOf('\n') + 1) : text)
  })
  expect(found).toEqual([])
})
