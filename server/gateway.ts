/**
 * The one door to the groups: push, delete, wipe, look, expose. What HTTP and the pages do goes
 * through here; rules are in groups/, bytes in storage/.
 */
import { randomFillSync } from 'node:crypto'
import { StoreError } from '../storage/errors.ts'
import type { ApplyResult, Cursor, GroupStore, Guard } from '../storage/group-store.ts'
import type { GroupingKey } from './groups/grouping-key.ts'
import { describeDuplicate, type PreparedPush, type Rejection } from './groups/prepare.ts'
import { aliasOf, candidateGroups, describeClash, nameSetOf, PUSH_TIME } from './groups/rules.ts'
import { renderLabels } from './exposition/text/render.ts'
import type { Logger } from './telemetry/logger.ts'
import type { OwnMetrics } from './telemetry/own-metrics.ts'
import { exposedLabels, parseStored } from './view/group-slot.ts'
import { inSlices } from './view/in-slices.ts'
import type { ExpositionFormat } from './exposition/negotiate.ts'
import { ownPage } from './view/own-page.ts'
import { deflateAll, joinGzip, joinPlain, type Rope, type RopePart } from './view/rope.ts'
import type { ShownGroup } from './view/shown-group.ts'
import type { View } from './view/view.ts'
import { PushWrite, type PushKind } from './push-write.ts'
import { within } from './within.ts'

/** A moment in the history of the store. */
export type Position = Pick<Cursor, 'epoch' | 'revision'>

export type PushOutcome =
  /** With the moment at which it was applied. */
  | { readonly kind: 'accepted'; readonly at: Position | undefined }
  /** The group keeps what it had; its failure time moved. */
  | ({ readonly kind: 'rejected' } & Rejection)

/** The page as it goes out. */
export interface Exposition extends Rope {
  /** What it shows. */
  readonly position: Position
  /** How old it is, where the store could not be asked; undefined when it is as of now. */
  readonly staleMs: number | undefined
}

export type Encoding = 'identity' | 'gzip'

export interface GatewayOptions {
  readonly store: GroupStore
  readonly view: View
  readonly ownMetrics: OwnMetrics
  readonly logger: Logger
  /** False with --push.disable-consistency-check. */
  readonly checked: boolean
  readonly storeTimeoutMs: number
  /** Whether the page carries the metrics of this process too. */
  readonly showsOwnMetrics: boolean
  /** How old a page may be that is shown while the store is unavailable; 0 = none is. */
  readonly staleMsMax: number
}

const NOT_JUDGED: Guard = { nameSets: [], groups: [] }

/** Each round means that somebody changed the very groups that were being looked at. */
const ROUNDS_MAX = 32

export class Gateway {
  private readonly options: GatewayOptions

  constructor(options: GatewayOptions) {
    this.options = options
  }

  /**
   * Checks a push and stores it. Resolves to 'accepted' only when the store has committed it.
   *
   * @throws StoreError when the store cannot take it; then nothing of it is stored, except where the code says so
   */
  push(
    kind: PushKind,
    grouping: GroupingKey,
    prepared: PreparedPush | ({ readonly kind: 'rejected' } & Rejection),
  ): Promise<PushOutcome> {
    return prepared.kind === 'rejected'
      ? this.reject(grouping, prepared)
      : this.store(kind, prepared)
  }

  /** Deletes a group. Resolves to when it was; to undefined when there was none, which is no error. */
  async remove(grouping: GroupingKey): Promise<Position | undefined> {
    const { store, storeTimeoutMs } = this.options
    const result = await store.apply({
      kind: 'delete',
      key: grouping.key,
      nonce: newNonce(),
      timeoutMs: storeTimeoutMs,
    })
    return positionOf(result)
  }

  /** Deletes all groups that are there now. Returns how many. */
  async wipe(): Promise<number> {
    return this.options.store.wipe(newNonce)
  }

  /** All groups as of now, in order of their keys. */
  async groups(): Promise<ShownGroup[]> {
    const { view, storeTimeoutMs } = this.options
    await within(storeTimeoutMs, view.sync())
    return view.groups()
  }

  /**
   * The page as of now, at least as new as everything acknowledged before the call; or an older one, where that is
   * allowed and the store unavailable.
   *
   * @param waitMs how long whoever asked will wait
   * @throws StoreError unavailable when that or --storage.timeout is over, or the store cannot be asked
   */
  async expose(format: ExpositionFormat, encoding: Encoding, waitMs: number): Promise<Exposition> {
    const { view, ownMetrics, showsOwnMetrics } = this.options
    // At the same time: together they must not take longer than the caller waits.
    const asked = showsOwnMetrics ? ownMetrics.look(waitMs) : undefined
    const staleMs = await this.catchUp(waitMs)
    const store = await asked
    const own =
      store === undefined
        ? []
        : await ownMetrics.collect(staleMs === undefined ? store : { ...store, up: false })
    const { epoch, revision } = view.position
    // What is shown is settled in the first slice; pushes and other scrapes go on in between.
    const parts = await inSlices(view.pageSteps(format, own), view.pace)
    if (encoding === 'gzip') await inSlices(deflateAll(parts), view.pace)
    return { ...join(parts, encoding), position: { epoch, revision }, staleMs }
  }

  /** What this process says of itself, whatever the store does. */
  async exposeOwn(format: ExpositionFormat, encoding: Encoding): Promise<Rope> {
    return join(ownPage(format, await this.options.ownMetrics.collect()), encoding)
  }

  /** Where in the store's history the page stands. */
  get position(): Cursor {
    return this.options.view.position
  }

  /** Resolves to undefined when the view is as of now, else to how old it is. */
  private async catchUp(waitMs: number): Promise<number | undefined> {
    const { view, storeTimeoutMs, staleMsMax } = this.options
    try {
      await within(Math.min(waitMs, storeTimeoutMs), view.sync())
      return undefined
    } catch (error) {
      const isUnavailable = error instanceof StoreError && error.code === 'unavailable'
      const { ageMs } = view
      if (!isUnavailable || !view.wasSynced || ageMs > staleMsMax) throw error
      return ageMs
    }
  }

  private async store(kind: PushKind, push: PreparedPush): Promise<PushOutcome> {
    const { checked, view, ownMetrics } = this.options
    let guard = NOT_JUDGED
    let knownInconsistent = false
    ownMetrics.countDroppedDuplicates(push.droppedDuplicates)
    view.pace.begin()
    try {
      for (let round = 1; round <= ROUNDS_MAX; round++) {
        const result = await this.apply(kind, push, guard, knownInconsistent)
        if (result.kind === 'applied' || result.kind === 'unchanged') {
          return { kind: 'accepted', at: positionOf(result) }
        }
        if (result.kind === 'refused') {
          const { claim, wanted, held } = result
          const reason = describeClash(claim, wanted, held)
          return await this.reject(push.grouping, { rule: 'type', reason })
        }
        const judged = await this.judge(push, result.nameSets)
        guard = judged.guard
        if (checked && judged.rejection !== undefined) {
          return await this.reject(push.grouping, judged.rejection)
        }
        knownInconsistent = judged.rejection !== undefined
      }
    } finally {
      view.pace.end()
    }
    throw new StoreError(
      'unavailable',
      'other pushes to the same job kept getting in between; try again',
    )
  }

  private async reject(grouping: GroupingKey, { rule, reason }: Rejection): Promise<PushOutcome> {
    this.options.ownMetrics.countRejection(rule)
    await this.tryToRecordFailure(grouping)
    return { kind: 'rejected', rule, reason }
  }

  private apply(
    kind: PushKind,
    push: PreparedPush,
    guard: Guard,
    knownInconsistent: boolean,
  ): Promise<ApplyResult> {
    const { store, checked, storeTimeoutMs } = this.options
    const options = {
      guard,
      nonce: newNonce(),
      timeoutMs: storeTimeoutMs,
      knownInconsistent,
      rules: checked ? 'enforce' : 'mark',
    } as const
    return store.apply(new PushWrite(kind, push, options))
  }

  private writeTo(grouping: GroupingKey, guard: Guard) {
    return {
      key: grouping.key,
      partition: grouping.job,
      nameSet: nameSetOf(grouping.labels),
      description: renderLabels(grouping.labels),
      guard,
      nonce: newNonce(),
      timeoutMs: this.options.storeTimeoutMs,
    }
  }

  /** Looks for a series of this push in the only groups that could have it. */
  private async judge(
    push: PreparedPush,
    nameSets: readonly string[],
  ): Promise<{ guard: Guard; rejection?: Rejection }> {
    const series = push.families.flatMap((family) => family.series())
    const own = { labels: exposedLabels(push.grouping) }
    const candidates = candidateGroups(push.grouping, [...series, own], nameSets)
    const stored = await this.options.store.read(candidates.map(({ key }) => key))
    const guard = {
      nameSets,
      groups: candidates.map(({ key }, i) => ({
        key,
        shapeRevision: stored[i]?.shapeRevision ?? 0,
      })),
    }
    const alias = aliasOf(push.grouping)
    for (const [i, candidate] of candidates.entries()) {
      const group = stored[i]
      if (group === null || group === undefined) continue
      if (alias?.key.equals(candidate.key) === true) {
        return { guard, rejection: describeDuplicate(PUSH_TIME, renderLabels(own.labels)) }
      }
      const held = new Map(group.families.map(({ name, data }) => [name, data]))
      for (const family of push.families) {
        const data = held.get(family.name)
        const repeated = data === undefined ? undefined : findRepeated(family.series(), data)
        if (repeated !== undefined)
          return { guard, rejection: describeDuplicate(family.name, repeated) }
      }
    }
    return { guard }
  }

  /** The push is rejected in any case; that its time could not be kept must not hide why. */
  private async tryToRecordFailure(grouping: GroupingKey): Promise<void> {
    const { ownMetrics, logger } = this.options
    const problem = await this.recordFailure(grouping).catch((error: unknown) => String(error))
    if (problem === undefined) return
    ownMetrics.countFailureNotRecorded()
    logger.warn('failure time not recorded', {
      group: renderLabels(grouping.labels),
      reason: problem,
    })
  }

  /**
   * Sets the failure time, creating the group when it is new. A group whose push times would be
   * the series of another group is not created: that would spoil the page for everybody.
   * Resolves to why it was not done, or undefined.
   */
  private async recordFailure(grouping: GroupingKey): Promise<string | undefined> {
    const { store } = this.options
    let guard = NOT_JUDGED
    for (let round = 1; round <= ROUNDS_MAX; round++) {
      const write = { kind: 'fail', rules: 'enforce', ...this.writeTo(grouping, guard) } as const
      const result = await store.apply(write)
      if (result.kind !== 'unguarded') return undefined
      const alias = aliasOf(grouping)
      const keys =
        alias !== undefined && result.nameSets.includes(nameSetOf(alias.labels)) ? [alias.key] : []
      const [twin] = await store.read(keys)
      if (twin !== null && twin !== undefined) return 'another group has the same push times'
      guard = { nameSets: result.nameSets, groups: keys.map((key) => ({ key, shapeRevision: 0 })) }
    }
    return 'other pushes to the same job kept getting in between'
  }
}

/** When a write was applied; undefined when it was not. */
function positionOf(result: ApplyResult): Position | undefined {
  return result.kind === 'applied' ? { epoch: result.epoch, revision: result.revision } : undefined
}

function join(parts: readonly RopePart[], encoding: Encoding): Rope {
  return encoding === 'gzip' ? joinGzip(parts) : joinPlain(parts)
}

/** The labels of a series that the stored family has too. */
function findRepeated(
  series: ReturnType<PreparedPush['families'][number]['series']>,
  data: Buffer,
): string | undefined {
  const pushed = new Set(series.map(({ labelText }) => labelText))
  for (const metric of parseStored(data).metrics) {
    const labelText = renderLabels(metric.labels)
    if (pushed.has(labelText)) return labelText
  }
  return undefined
}

/** 64 random bits, from a pool: the system is asked for many at a time. */
function newNonce(): string {
  if (nextNonce === NONCES.length) {
    randomFillSync(NONCES)
    nextNonce = 0
  }
  const start = nextNonce
  nextNonce += NONCE_BYTES
  return NONCES.toString('hex', start, nextNonce)
}

const NONCE_BYTES = 8
const NONCES = Buffer.alloc(512 * NONCE_BYTES)
let nextNonce = NONCES.length
