/** What can be known of a database file before SQLite touches it, and whether it is still there. */
import {
  accessSync,
  type BigIntStats,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs'
import path from 'node:path'
import { StoreError } from '../errors.ts'
import { APPLICATION_ID } from './migrate.ts'

const SQLITE_MAGIC = 'SQLite format 3\0'
const HEADER_BYTES = 108
const APPLICATION_ID_AT = 68
/** The b-tree header of the schema table, on page 1: its kind, and how many entries it has. */
const SCHEMA_KIND_AT = 100
const SCHEMA_CELLS_AT = 103
const LEAF_TABLE = 0x0d

/** The coarsest that filesystems tell times, and more. */
const TIME_STEP_MS = 3000n
const LOOK_AGAIN_MS = 1000

/** Filesystems that several hosts may share, by statfs magic. WAL needs one host's memory. */
const SHARED_FILESYSTEMS = new Map<number, string>([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
])

/**
 * Makes sure that `file` may become or be a Sluice database: its folder exists (it is created), it
 * is on a local filesystem, it can be written, and it is either empty, missing or one of ours.
 *
 * @throws StoreError unusable, naming the file; nothing was changed in it
 */
export function checkDatabaseFile(file: string, allowSharedFilesystem: boolean): void {
  const folder = path.dirname(file)
  try {
    makeFolder(path.resolve(folder))
    if (!allowSharedFilesystem) refuseSharedFilesystem(folder)
    accessSync(folder, constants.W_OK)
    const header = readHeader(file)
    if (header === undefined) return
    accessSync(file, constants.W_OK)
    checkHeader(file, header)
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError('unusable', `cannot use ${file}: ${describe(error)}`, { cause: error })
  }
}

/** Not mkdirSync's `recursive`, which never ends where nothing can be made, as under /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return
  makeFolder(path.dirname(folder))
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may start at the same moment.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function refuseSharedFilesystem(folder: string): void {
  const kind = SHARED_FILESYSTEMS.get(statfsSync(folder).type >>> 0)
  if (kind === undefined) return
  throw new StoreError(
    'unusable',
    `${folder} is on a network filesystem (${kind}), where SQLite cannot keep several writers apart; ` +
      'use a local disk, or add ?shared_filesystem=allow to the storage URL if only this host uses the file',
  )
}

/** The first bytes of the file; undefined when it is missing or empty. */
function readHeader(file: string): Buffer | undefined {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  if (!stats.isFile()) throw new StoreError('unusable', `${file} is not a file`)
  if (stats.size === 0) return undefined
  const header = Buffer.alloc(HEADER_BYTES)
  const descriptor = openSync(file, 'r')
  try {
    return header.subarray(0, readSync(descriptor, header, 0, HEADER_BYTES, 0))
  } finally {
    closeSync(descriptor)
  }
}

function checkHeader(file: string, header: Buffer): void {
  if (header.toString('latin1', 0, SQLITE_MAGIC.length) !== SQLITE_MAGIC) {
    throw new StoreError(
      'unusable',
      `${file} is not a database of Sluice (no SQLite file); it was left untouched. ` +
        'A persistence file of the Prometheus Pushgateway cannot be read: give another path',
    )
  }
  if (header.length < HEADER_BYTES) {
    throw new StoreError('corrupt', `${file} ends inside its header; it was left untouched`)
  }
  const id = header.readUInt32BE(APPLICATION_ID_AT)
  // A start that was killed early leaves a database without tables, or has them in the WAL only;
  // migrate looks once more when SQLite has read that.
  const unborn =
    id === 0 && header[SCHEMA_KIND_AT] === LEAF_TABLE && header.readUInt16BE(SCHEMA_CELLS_AT) === 0
  if (id !== APPLICATION_ID && !unborn) {
    throw new StoreError(
      'unusable',
      `${file} is a SQLite database of another program (application_id ${id}); it was left untouched`,
    )
  }
}

/**
 * Tells whether the paths of a database and its log still name the files that they named when this
 * was made; commits to files that were moved away would be found by nobody. Nothing in a folder is moved without its
 * times changing, so the folder is all that is looked at while these are old: a filesystem may count in seconds.
 */
export function watchIdentity(file: string): () => string | undefined {
  const folder = path.dirname(file)
  const opened = [file, `${file}-wal`, `${file}-shm`].map((name) => ({
    name,
    stats: statSync(name, { bigint: true }),
  }))
  const lookAtFiles = (): string | undefined => {
    for (const { name, stats } of opened) {
      const now = statSync(name, { bigint: true, throwIfNoEntry: false })
      if (now === undefined) return `${name} was removed or moved away`
      if (now.ino !== stats.ino || now.dev !== stats.dev) return `${name} was replaced`
    }
    return undefined
  }
  let known: BigIntStats | undefined
  let lookedAtMs = 0
  return () => {
    const now = statSync(folder, { bigint: true, throwIfNoEntry: false })
    const nowMs = Date.now()
    const unchanged =
      now !== undefined &&
      known !== undefined &&
      now.ctimeNs === known.ctimeNs &&
      now.ino === known.ino &&
      now.dev === known.dev
    // Once in a while all the same: a mount over a file changes no folder.
    if (unchanged && Math.abs(nowMs - lookedAtMs) < LOOK_AGAIN_MS) return undefined
    const gone = lookAtFiles()
    const isOld = now !== undefined && BigInt(nowMs) - now.ctimeNs / 1_000_000n > TIME_STEP_MS
    known = gone === undefined && isOld ? now : undefined
    lookedAtMs = nowMs
    return gone
  }
}
