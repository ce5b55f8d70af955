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
  /** Keys of what is written, and at which revision. */
  const written = new Map<Buffer, number>()
  try {
    for await (const page of pagesOf(source, head)) {
      await copyPage(target, page, written)
      await comparePage(target, page)
      progress(written.size)
    }
    const there = await statusOf(target)
    if (written.size !== groups || there.groups !== groups || there.samples !== samples) {
      throw new MigrationRefused(
        `the target has ${there.groups} groups and ${there.samples} samples, the source ${groups} and ${samples}`,
      )
    }
    return { groups, samples }
  } catch (error) {
    await takeBack(target, written)
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

async function copyPage(
  target: GroupStore,
  groups: readonly StoredGroup[],
  written: Map<Buffer, number>,
): Promise<void> {
  const left = [...groups]
  const copySome = async (): Promise<void> => {
    for (let group = left.shift(); group !== undefined; group = left.shift()) {
      written.set(group.key, await copyGroup(target, group))
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, copySome))
}

/** Resolves to the revision that the group has in the target. */
async function copyGroup(target: GroupStore, group: StoredGroup): Promise<number> {
  const { labels, job } = decodeGroupKey(group.key)
  let nameSets: readonly string[] = []
  for (let round = 1; round <= ROUNDS_MAX; round++) {
    const result = await target.apply({
      kind: 'restore',
      key: group.key,
      families: group.families,
      // Not known: the next PUT brings it.
      shape: '',
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
    if (result.kind === 'applied') return result.revision
    if (result.kind !== 'unguarded') break
    nameSets = result.nameSets
  }
  throw new MigrationRefused(
    `${target.url} was written to while it was being filled, ${renderLabels(labels)} among others: stop the gateways on it`,
  )
}

async function comparePage(target: GroupStore, groups: readonly StoredGroup[]): Promise<void> {
  const copies = await target.read(groups.map(({ key }) => key))
  for (const [i, group] of groups.entries()) {
    const copy = copies[i]
    const expected = { ...group, revision: copy?.revision, shapeRevision: copy?.shapeRevision }
    if (!isDeepStrictEqual(copy, expected)) {
      const { labels } = decodeGroupKey(group.key)
      throw new MigrationRefused(`${renderLabels(labels)} is not the same in the target`)
    }
  }
}

/** Only what was written here, and not what somebody else wrote over it. */
async function takeBack(target: GroupStore, written: ReadonlyMap<Buffer, number>): Promise<void> {
  for (const [key, notAfter] of written) {
    const nonce = randomBytes(8).toString('hex')
    await target.apply({ kind: 'delete', key, nonce, notAfter, timeoutMs: WRITE_TIMEOUT_MS })
  }
}
