/**
 * One group as the view holds it: the bytes of its families one behind the other, push times
 * included, and where each family lies in them. Groups with the same families share the list of
 * names, since a fleet has thousands of groups and few such lists.
 */
import { StoreError } from '../../storage/errors.ts'
import type { StoredGroup } from '../../storage/group-store.ts'
import { parseText } from '../exposition/text/parse.ts'
import {
  completeBuckets,
  renderHeader,
  renderFamily,
  renderLabels,
  shownName,
} from '../exposition/text/render.ts'
import { compareUtf8, decodeGroupKey, type GroupingKey } from '../groups/grouping-key.ts'
import { PUSH_FAILURE_TIME, PUSH_TIME } from '../groups/rules.ts'
import type { Label, MetricFamily, MetricType } from '../metrics/metric-family.ts'
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
  readonly list: NameList
  /** For family i: where it begins, where its samples begin; [2n] is the end. */
  readonly offsets: Uint32Array
  readonly bytes: Buffer
  /** Store times of the families' pushes; undefined when all came with the last push. */
  readonly pushedAtUs: ReadonlyMap<string, number> | undefined
  /** True when a name in here may need quotes. */
  readonly mayBeQuoted: boolean
  /** What is shown instead of the stored samples: completed histograms. */
  readonly completed: ReadonlyMap<string, Buffer> | undefined
  /** What is shown instead, where families are inconsistent; set by resolve.ts. */
  resolved: ReadonlyMap<string, Buffer> | undefined
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
  const completed = new Map<string, Buffer>()
  let at = 0
  for (const [i, { name, data }] of pieces.entries()) {
    offsets[2 * i] = at
    const header = headerLength(name, data)
    offsets[2 * i + 1] = at + header
    at += data.length
    const samples = completeSamples(data, header)
    if (samples !== undefined) completed.set(name, samples)
  }
  offsets[2 * pieces.length] = at
  const bytes = Buffer.allocUnsafeSlow(at)
  for (const [i, { data }] of pieces.entries()) bytes.set(data, offsets[2 * i])
  const pushedAtUs = new Map(group.families.map((family) => [family.name, family.pushedAtUs]))
  const together = group.families.every((family) => family.pushedAtUs === group.pushTimeUs)
  return {
    id: group.key.toString('latin1'),
    grouping,
    createdTimeUs: group.createdTimeUs,
    pushTimeUs: group.pushTimeUs,
    failureTimeUs: group.failureTimeUs,
    inconsistent: group.inconsistent,
    list: lists.take(pieces.map(({ name }) => name)),
    offsets,
    bytes,
    pushedAtUs: together ? undefined : pushedAtUs,
    // A quoted name stands behind '{' or ','; that a value may end so only costs a second look.
    mayBeQuoted: bytes.includes('{"') || bytes.includes(',"'),
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

const LINE_FEED = 0x0a
const HASH = 0x23
const HELP_MARK = '# HELP '

/** Bytes of the HELP and TYPE lines that a stored family begins with. */
function headerLength(name: string, data: Buffer): number {
  let at = 0
  while (data[at] === HASH) {
    const end = data.indexOf(LINE_FEED, at)
    if (end < 0) throw damaged(name)
    at = end + 1
  }
  return at
}

function damaged(name: string): StoreError {
  return new StoreError('corrupt', `a stored metric family ${JSON.stringify(name)} cannot be read`)
}

/** The header of a family in a slot, as stored. */
function headerOf(slot: GroupSlot, index: number): string {
  return slot.bytes.toString('utf8', slot.offsets[2 * index], slot.offsets[2 * index + 1])
}

/** The HELP text as the format escapes it, or '' when the family has none. */
export function helpTextOf(slot: GroupSlot, name: string): string {
  const header = headerOf(slot, slot.list.indexes.get(name)!)
  if (!header.startsWith(HELP_MARK)) return ''
  return header.slice(HELP_MARK.length + shownName(name).length + 1, header.indexOf('\n'))
}

export function typeOf(slot: GroupSlot, name: string): MetricType {
  const header = headerOf(slot, slot.list.indexes.get(name)!)
  return header.slice(header.lastIndexOf(' ') + 1, -1) as MetricType
}

/** The sample lines of a family of the group, as they are shown. */
export function samplesOf(slot: GroupSlot, name: string): Buffer {
  const changed = slot.resolved?.get(name) ?? slot.completed?.get(name)
  if (changed !== undefined) return changed
  const index = slot.list.indexes.get(name)!
  return slot.bytes.subarray(slot.offsets[2 * index + 1], slot.offsets[2 * index + 2])
}

/** A family of the group as it was pushed, parsed again. */
export function familyOf(slot: GroupSlot, name: string): MetricFamily {
  const index = slot.list.indexes.get(name)!
  return parseStored(slot.bytes.subarray(slot.offsets[2 * index], slot.offsets[2 * index + 2]))
}

/** Store time at which a family was last written. */
export function pushedAtOf(slot: GroupSlot, name: string): number {
  if (name === PUSH_TIME) return slot.pushTimeUs || slot.createdTimeUs
  if (name === PUSH_FAILURE_TIME) return slot.failureTimeUs || slot.createdTimeUs
  return slot.pushedAtUs?.get(name) ?? slot.pushTimeUs
}

/**
 * Reads a family back from what is stored or shown of it.
 *
 * @throws StoreError corrupt
 */
export function parseStored(data: Buffer): MetricFamily {
  try {
    const [family] = parseText(data, { utf8Names: true, lenientNewlines: false })
    if (family !== undefined) return family
  } catch (error) {
    throw new StoreError('corrupt', `a stored family cannot be read: ${String(error)}`, {
      cause: error,
    })
  }
  throw new StoreError('corrupt', 'a stored family is without samples')
}

/** Samples with +Inf buckets added; undefined when none is missing. */
function completeSamples(data: Buffer, header: number): Buffer | undefined {
  if (!data.toString('latin1', Math.max(0, header - TYPE_END.length), header).endsWith(TYPE_END)) {
    return undefined
  }
  const stored = parseStored(data)
  const completed = completeBuckets(stored)
  if (completed === stored) return undefined
  return Buffer.from(renderFamily(completed)).subarray(header)
}

const TYPE_END = ' histogram\n'
