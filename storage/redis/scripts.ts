/** The Lua scripts beside this file, put together and named by their digests. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'

export interface Script {
  readonly name: string
  readonly lua: string
  /** What EVALSHA calls it. */
  readonly sha: string
}

const FOLDER = path.join(import.meta.dirname, 'scripts')

const read = (name: string): string => readFileSync(path.join(FOLDER, `${name}.lua`), 'utf8')

const PRELUDE = read('prelude')
const WRITE_PRELUDE = read('write-prelude')

/** The first line of a script says what it may do and has to stay the first. */
function load(name: string, { writes, flags }: { writes?: boolean; flags?: string } = {}): Script {
  const text = read(name)
  const end = text.indexOf('\n')
  const first = flags === undefined ? text.slice(0, end) : `#!lua flags=${flags}`
  const lua = [
    first,
    PRELUDE,
    ...(writes === true ? [WRITE_PRELUDE] : []),
    text.slice(end + 1),
  ].join('\n')
  return { name, lua, sha: createHash('sha1').update(lua).digest('hex') }
}

export const SCRIPTS = {
  open: load('open'),
  probe: load('probe'),
  beat: load('beat'),
  push: load('push', { writes: true }),
  fail: load('fail', { writes: true }),
  delete: load('delete', { writes: true }),
  restore: load('restore', { writes: true }),
  changes: load('changes'),
  read: load('read'),
  status: load('status'),
  live: load('live'),
  trim: load('trim'),
  books: load('books'),
} as const

/** Those that can be run again at will. */
export type ReadingScript = 'changes' | 'read' | 'status' | 'live' | 'trim' | 'books'

/**
 * The same for a primary that refuses all writes because it cannot save its snapshots: then nothing
 * speaks against reading from it.
 */
export const READ_ONLY = {
  open: load('open', { flags: 'no-writes' }),
  changes: load('changes', { flags: 'no-writes' }),
  read: load('read', { flags: 'no-writes' }),
  status: load('status', { flags: 'no-writes' }),
} as const
