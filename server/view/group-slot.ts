/**
 * One group as the view holds it: the text of its families one behind the other, push times
 * included, and where each family lies in it. Groups with the same families share the list of
 * names, since a fleet has thousands of groups and few such lists.
 */
import { StoreError } from '../../storage/errors.ts'
import type { StoredGroup } from '../../storage/group-store.ts'
import {
  readStored,
  splitStored,
  type StoredParts,
  storedHeaderLength,
  storedHelpText,
  storedType,
  storedUnit,
} from '../exposition/stored-family.ts'
import {
  completeBuckets,
  renderFamilySamples,
  renderHeader,
  renderLabels,
} from '../exposition/text/render.ts'
import { compareUtf8, decodeGroupKey, type GroupingKey } from '../groups/grouping-key.ts'
import { PUSH_FAILURE_TIME, PUSH_TIME } from '../groups/rules.ts'
import {
  isHistogramType,
  type Label,
  type MetricFamily,
  type MetricType,
} from '../metrics/metric-family.ts'
import { formatFloat64 } from '../metrics/numbers.ts'

/** Family names of a group, sorted, and their places. */
export interface NameList {
  readonly names: readonly string[]
  readonly indexes: ReadonlyMap<string, number>
}

export interface GroupSlot {
  /** The group key as a string of its bytes, so that `<` orders as the store does. */
  readonly id: string
  readonly grouping: GroupingKey
  readonly createdTimeUs: number
  readonly pushTimeUs: number
  readonly failureTimeUs: number
  readonly inconsistent: boolean
  /** Of the pushed families: samples, and bytes as the store has them. */
  readonly sampleCount: number
  readonly storedBytes: number
  readonly list: NameList
  /** For family i: where it begins, where its samples begin; [2n] is the end. */
  readonly offsets: Uint32Array
  readonly bytes: Buffer
  /** Store times of the families' pushes; undefined when all came with the last push. */
  readonly pushedAtUs: ReadonlyMap<string, number> | undefined
  /** True when a name in here may need quotes. */
  readonly mayBeQuoted: boolean
  /** The protobuf form of the families that text cannot carry. */
  readonly full: ReadonlyMap<string, Buffer> | undefined
  /** What is shown instead of the stored samples: completed histograms. */
  readonly completed: ReadonlyMap<string, Buffer> | undefined
  /** What is shown instead, where families are inconsistent; set by resolve.ts. */
  resolved: ReadonlyMap<string, ResolvedFamily> | undefined
}

/** What is left of a family that is shown in part; no samples = nothing. */
export interface ResolvedFamily {
  /** As text shows them. */
  readonly samples: Buffer
  readonly family: MetricFamily
}

const HELP_TEXTS: Readonly<Record<string, string>> = {
  [PUSH_TIME]: 'Last Unix time when changing this group in the Pushgateway succeeded.',
  [PUSH_FAILURE_TIME]: 'Last Unix time when changing this group in the Pushgateway failed.',
}

interface Piece {
  readonly name: string
  readonly data: Buffer
}

/** Keeps each list of family names once, as long as a group has it. */
export class NameLists {
  private readonly lists = new Map<string, { readonly list: NameList; users: number }>()

  /** The list of these names, for one more user. */
  take(names: readonly string[]): NameList {
    const id = JSON.stringify(names)
    let entry = this.lists.get(id)
    if (entry === undefined) {
      const indexes = new Map(names.map((name, index) => [name, index]))
      entry = { list: { names, indexes }, users: 0 }
      this.lists.set(id, entry)
    }
    entry.users++
    return entry.list
  }

  /** One user less. */
  give({ names }: NameList): void {
    const id = JSON.stringify(names)
    const entry = this.lists.get(id)
    if (entry !== undefined && --entry.users === 0) this.lists.delete(id)
  }

  get size(): number {
    return this.lists.size
  }
}

/** @throws StoreError corrupt, naming the group */
export function createGroupSlot(group: StoredGroup, lists: NameLists): GroupSlot {
  try {
    return buildSlot(group, lists)
  } catch (error) {
    const key = JSON.stringify(group.key.toString('latin1'))
    throw new StoreError('corrupt', `the stored group ${key} cannot be read: ${String(error)}`, {
      cause: error,
    })
  }
}

function buildSlot(group: StoredGroup, lists: NameLists): GroupSlot {
  const grouping = decodeGroupKey(group.key)
  const pieces = withPushTimes(group, grouping)
  const offsets = new Uint32Array(2 * pieces.length + 1)
  const full = new Map<string, Buffer>()
  const completed = new Map<string, Buffer>()
  let at = 0
  const texts: Buffer[] = []
  for (const [i, { name, data }] of pieces.entries()) {
    const parts = splitStored(data)
    const { text } = parts
    texts.push(text)
    if (parts.full !== undefined) full.set(name, parts.full)
    const header = storedHeaderLength(text)
    offsets[2 * i] = at
    offsets[2 * i + 1] = at + header
    at += text.length
    if (!isHistogramType(storedType(text.toString('utf8', 0, header)))) continue
    const stored = readStored(parts)
    const shown = completeBuckets(stored)
    if (shown !== stored) completed.set(name, Buffer.from(renderFamilySamples(shown)))
  }
  offsets[2 * pieces.length] = at
  const bytes = Buffer.allocUnsafeSlow(at)
  for (const [i, text] of texts.entries()) bytes.set(text, offsets[2 * i])
  const pushedAtUs = new Map(group.families.map((family) => [family.name, family.pushedAtUs]))
  let sampleCount = 0
  let storedBytes = 0
  for (const family of group.families) {
    sampleCount += family.sampleCount
    storedBytes += family.data.length
  }
  const together = group.families.every((family) => family.pushedAtUs === group.pushTimeUs)
  return {
    id: group.key.toString('latin1'),
    grouping,
    createdTimeUs: group.createdTimeUs,
    pushTimeUs: group.pushTimeUs,
    failureTimeUs: group.failureTimeUs,
    inconsistent: group.inconsistent,
    sampleCount,
    storedBytes,
    list: lists.take(pieces.map(({ name }) => name)),
    offsets,
    bytes,
    pushedAtUs: together ? undefined : pushedAtUs,
    // A quoted name stands behind '{' or ','; that a value may end so only costs a second look.
    mayBeQuoted: bytes.includes('{"') || bytes.includes(',"'),
    full: full.size > 0 ? full : undefined,
    completed: completed.size > 0 ? completed : undefined,
    resolved: undefined,
  }
}

/** The stored families and the gateway's own two, sorted by name. */
function withPushTimes(group: StoredGroup, grouping: GroupingKey): Piece[] {
  const labelText = renderLabels(exposedLabels(grouping))
  const time = (name: string, timeUs: number): Piece => {
    const header = renderHeader(name, 'gauge', HELP_TEXTS[name])
    const text = `${header}${name}{${labelText}} ${formatFloat64(timeUs / 1e6)}\n`
    return { name, data: Buffer.from(text) }
  }
  const own = [time(PUSH_FAILURE_TIME, group.failureTimeUs), time(PUSH_TIME, group.pushTimeUs)]
  const pieces: Piece[] = []
  let next = 0
  for (const family of group.families) {
    while (next < own.length && compareUtf8(own[next]!.name, family.name) < 0)
      pieces.push(own[next++]!)
    pieces.push(family)
  }
  return pieces.concat(own.slice(next))
}

/** The grouping labels as they are exposed: with an empty `instance` where there is none. */
export function exposedLabels({ labels }: GroupingKey): readonly Label[] {
  if (labels.some((label) => label.name === 'instance')) return labels
  return [...labels, { name: 'instance', value: '' }].sort((a, b) => compareUtf8(a.name, b.name))
}

/** The header of a family in a slot, as stored. */
function headerOf(slot: GroupSlot, index: number): string {
  return slot.bytes.toString('utf8', slot.offsets[2 * index], slot.offsets[2 * index + 1])
}

/** The HELP text as the format escapes it, or '' when the family has none. */
export function helpTextOf(slot: GroupSlot, name: string): string {
  return storedHelpText(headerOf(slot, slot.list.indexes.get(name)!), name)
}

export function unitOf(slot: GroupSlot, name: string): string | undefined {
  return storedUnit(headerOf(slot, slot.list.indexes.get(name)!), name)
}

export function typeOf(slot: GroupSlot, name: string): MetricType {
  return storedType(headerOf(slot, slot.list.indexes.get(name)!))
}

/** The sample lines of a family of the group, as text shows them. */
export function samplesOf(slot: GroupSlot, name: string): Buffer {
  const changed = slot.resolved?.get(name)?.samples ?? slot.completed?.get(name)
  if (changed !== undefined) return changed
  const index = slot.list.indexes.get(name)!
  return slot.bytes.subarray(slot.offsets[2 * index + 1], slot.offsets[2 * index + 2])
}

/** True when text does not say all there is to say of the family. */
export function isMoreThanText(slot: GroupSlot, name: string): boolean {
  return slot.full?.has(name) === true
}

/**
 * A family of the group as it was pushed, parsed again.
 *
 * @throws StoreError corrupt
 */
export function familyOf(slot: GroupSlot, name: string): MetricFamily {
  const index = slot.list.indexes.get(name)!
  const text = slot.bytes.subarray(slot.offsets[2 * index], slot.offsets[2 * index + 2])
  return readFamily({ text, full: slot.full?.get(name) })
}

/** A family of the group as the page shows it, but for missing buckets. */
export function shownFamilyOf(slot: GroupSlot, name: string): MetricFamily {
  return slot.resolved?.get(name)?.family ?? familyOf(slot, name)
}

/** Store time at which a family was last written. */
export function pushedAtOf(slot: GroupSlot, name: string): number {
  if (name === PUSH_TIME) return slot.pushTimeUs || slot.createdTimeUs
  if (name === PUSH_FAILURE_TIME) return slot.failureTimeUs || slot.createdTimeUs
  return slot.pushedAtUs?.get(name) ?? slot.pushTimeUs
}

/**
 * Reads a family back from the bytes that are stored of it.
 *
 * @throws StoreError corrupt
 */
export function parseStored(data: Buffer): MetricFamily {
  try {
    return readFamily(splitStored(data))
  } catch (error) {
    throw error instanceof StoreError ? error : unreadable(error)
  }
}

function readFamily(parts: StoredParts): MetricFamily {
  try {
    return readStored(parts)
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(cause: unknown): StoreError {
  return new StoreError('corrupt', `a stored family cannot be read: ${String(cause)}`, { cause })
}
