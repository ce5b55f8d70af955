/** Copies everything from one store to another, which has to be empty: what `sluice migrate` does. */
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  ORIGIN,
  type Cursor,
  type GroupStore,
  type StoredGroup,
  type StoreStatus,
} from '../storage/group-store.ts'
import { openStore, type StoreSecrets } from '../storage/open.ts'
import { renderLabels } from './exposition/text/render.ts'
import { decodeGroupKey } from './groups/grouping-key.ts'
import { nameSetOf } from './groups/rules.ts'

export interface MigrateOptions {
  readonly from: string
  readonly to: string
  readonly secrets: StoreSecrets
  /** Called after each page, with how many groups are copied so far. */
  readonly progress: (groups: number) => void
}

export interface Migrated {
  readonly groups: number
  readonly samples: number
}

/** A migration that cannot be done, for people. The target is as empty as it was. */
export class MigrationRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MigrationRefused'
  }
}

const PAGE_BYTES = 1024 * 1024
const IN_FLIGHT = 32
const WRITE_TIMEOUT_MS = 30_000
/** Each round means that somebody else writes to the target. */
const ROUNDS_MAX = 32

/**
 * Copies all groups, with their times, and reads them back to compare.
 *
 * @throws MigrationRefused or StoreError; then the target is left empty
 */
export async function migrate({ from, to, secrets, progress }: MigrateOptions): Promise<Migrated> {
  for (const url of [from, to]) {
    if (url === 'memory:') throw new MigrationRefused('memory: is gone with its process')
  }
  const source = await openStore(from, { secrets, mustExist: true })
  try {
    const before = await statusOf(source)
    const target = await openStore(to, { secrets })
    try {
      await checkTarget(target, before)
      return await copyAll(source, target, before, progress)
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function checkTarget(target: GroupStore, source: StoreStatus): Promise<void> {
  const { head, groups } = await statusOf(target)
  if (head.epoch === source.head.epoch) {
    throw new MigrationRefused('source and target are the same store')
  }
  if (groups > 0) {
    throw new MigrationRefused(
      `${target.url} holds ${groups} groups already; nothing is written over: name an empty store`,
    )
  }
}

async function statusOf(store: GroupStore): Promise<StoreStatus> {
  const status = await store.status()
  if (status.unavailable !== undefined) throw new MigrationRefused(status.unavailable)
  return status
}

async function copyAll(
  source: GroupStore,
  target: GroupStore,
  { head, groups, samples }: StoreStatus,
  progress: (groups: number) => void,
): Promise<Migrated> {
  const attempted: StoredGroup[] = []
  try {
    for await (const page of pagesOf(source, head)) {
      attempted.push(...page)
      await copyPage(target, page)
      const copies = await target.read(page.map(({ key }) => key))
      const different = page.find((group, i) => !isCopy(copies[i], group))
      if (different !== undefined) {
        throw new MigrationRefused(`${nameOf(different)} is not the same in the target`)
      }
      progress(attempted.length)
    }
    const there = await statusOf(target)
    if (attempted.length !== groups || there.groups !== groups || there.samples !== samples) {
      throw new MigrationRefused(
        `the target has ${there.groups} groups and ${there.samples} samples, the source ${groups} and ${samples}`,
      )
    }
    return { groups, samples }
  } catch (error) {
    await takeBack(target, attempted).catch((problem: unknown) => {
      throw new MigrationRefused(
        `${messageOf(error)}; and what was copied until then could not be taken back: ${messageOf(problem)}`,
      )
    })
    throw error
  }
}

/** The groups of a store that does not change meanwhile. */
async function* pagesOf(source: GroupStore, head: Cursor): AsyncGenerator<StoredGroup[]> {
  for (let position = ORIGIN, after = 0, complete = false; !complete;) {
    const page = await source.changes({ position, after, full: true, bytesMax: PAGE_BYTES })
    if (page.kind === 'reset' || page.head.nonce !== head.nonce) {
      throw new MigrationRefused(
        `${source.url} was written to while it was being copied: stop the gateways on it`,
      )
    }
    ;({ upto: after, complete, head: position } = page)
    yield page.items.map(({ group }) => group).filter((group) => group !== null)
  }
}

/** Several at a time. After a failure no other one is begun, and those under way are waited for. */
async function copyPage(target: GroupStore, groups: readonly StoredGroup[]): Promise<void> {
  const left = [...groups]
  const copySome = async (): Promise<void> => {
    try {
      for (let group = left.shift(); group !== undefined; group = left.shift()) {
        await copyGroup(target, group)
      }
    } finally {
      left.length = 0
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, copySome))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function copyGroup(target: GroupStore, group: StoredGroup): Promise<void> {
  const { labels, job } = decodeGroupKey(group.key)
  let nameSets: readonly string[] = []
  for (let round = 1; round <= ROUNDS_MAX; round++) {
    const result = await target.apply({
      kind: 'restore',
      key: group.key,
      families: group.families,
      // Not known: the next PUT brings it.
      createdTimeUs: group.createdTimeUs,
      pushTimeUs: group.pushTimeUs,
      failureTimeUs: group.failureTimeUs,
      knownInconsistent: group.inconsistent,
      partition: job,
      nameSet: nameSetOf(labels),
      description: renderLabels(labels),
      // What was consistent in the source is so here: nobody else writes.
      guard: { nameSets, groups: [] },
      rules: group.inconsistent ? 'mark' : 'enforce',
      nonce: randomBytes(8).toString('hex'),
      timeoutMs: WRITE_TIMEOUT_MS,
    })
    if (result.kind === 'applied') return
    if (result.kind !== 'unguarded') break
    nameSets = result.nameSets
  }
  throw new MigrationRefused(
    `${target.url} was written to while it was being filled, ${nameOf(group)} among others: stop the gateways on it`,
  )
}

/** The same but for where it stands in the history of its store. */
function isCopy(copy: StoredGroup | null | undefined, group: StoredGroup): boolean {
  if (copy === null || copy === undefined) return false
  const { revision, shapeRevision } = copy
  const expected = { ...group, revision, shapeRevision, packed: undefined }
  return isDeepStrictEqual({ ...copy, packed: undefined }, expected)
}

/** Only what was written here, and not what somebody else wrote over it. */
async function takeBack(target: GroupStore, attempted: readonly StoredGroup[]): Promise<void> {
  for (const group of attempted) {
    const { key } = group
    const [copy] = await target.read([key])
    if (copy === null || copy === undefined || !isCopy(copy, group)) continue
    const nonce = randomBytes(8).toString('hex')
    const notAfter = copy.revision
    await target.apply({ kind: 'delete', key, nonce, notAfter, timeoutMs: WRITE_TIMEOUT_MS })
  }
}

function nameOf({ key }: StoredGroup): string {
  return renderLabels(decodeGroupKey(key).labels)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
