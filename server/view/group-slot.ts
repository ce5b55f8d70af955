/**
 * One group as the view holds it: its key, times and layout. The samples of its families lie in the segments of the
 * page and nowhere else; a draft has them until they are there.
 */
import { StoreError } from '../../storage/errors.ts'
import type { StoredFamily, StoredGroup } from '../../storage/group-store.ts'
import { haveLastBuckets, readStored, splitStored } from '../exposition/stored-family.ts'
import {
  completeBuckets,
  renderFamilySamples,
  renderHeader,
  renderLabel,
  renderLabels,
} from '../exposition/text/render.ts'
import { compareUtf8, decodeGroupKey, type GroupingKey } from '../groups/grouping-key.ts'
import { PUSH_FAILURE_TIME, PUSH_TIME } from '../groups/rules.ts'
import { isHistogramType, type Label, type MetricFamily } from '../metrics/metric-family.ts'
import { formatFloat64 } from '../metrics/numbers.ts'
import {
  beginsWith,
  headerIn,
  type Header,
  type Layout,
  type Layouts,
  type NamedHeader,
} from './layout.ts'

export interface GroupSlot {
  /** The group key as a string of its bytes, so that `<` orders as the store does. */
  readonly id: string
  readonly createdTimeUs: number
  readonly pushTimeUs: number
  readonly failureTimeUs: number
  readonly inconsistent: boolean
  /** Of the pushed families: samples, and bytes as the store has them. */
  readonly sampleCount: number
  readonly storedBytes: number
  /** The pushed families and the gateway's own two. */
  readonly layout: Layout
  /** Store times of the families' pushes; undefined when all came with the last push. */
  readonly pushedAtUs: ReadonlyMap<string, number> | undefined
  /** The protobuf form of the families that text cannot carry. */
  readonly full: ReadonlyMap<string, Buffer> | undefined
  /** The samples as they were pushed of histograms that are shown with buckets added. */
  readonly incomplete: ReadonlyMap<string, Buffer> | undefined
}

/** A slot together with its samples. */
export class GroupDraft {
  readonly slot: GroupSlot
  /** Has the samples of all families but the gateway's own and the completed ones. */
  private readonly source: Buffer
  /** Has the samples of the gateway's own. */
  private readonly times: Buffer
  /** From `at` on where the samples of each family begin and end in what has them. */
  private readonly offsets: Uint32Array
  private readonly at: number
  /** By index, samples of histograms to which buckets were added. */
  private readonly completed: ReadonlyMap<number, Buffer> | undefined

  constructor(
    slot: GroupSlot,
    source: Buffer,
    times: Buffer,
    offsets: Uint32Array,
    at: number,
    completed: ReadonlyMap<number, Buffer> | undefined,
  ) {
    this.slot = slot
    this.source = source
    this.times = times
    this.offsets = offsets
    this.at = at
    this.completed = completed
  }

  /** @param index of the family */
  samplesAt(index: number): Buffer {
    const completed = this.completed?.get(index)
    if (completed !== undefined) return completed
    const at = this.at + 2 * index
    const source = ownIndex(this.slot.layout.names[index]!) < 0 ? this.source : this.times
    return source.subarray(this.offsets[at], this.offsets[at + 1])
  }

  lengthAt(index: number): number {
    const completed = this.completed?.get(index)
    const at = this.at + 2 * index
    return completed?.length ?? this.offsets[at + 1]! - this.offsets[at]!
  }
}

const HELP_TEXTS: Readonly<Record<string, string>> = {
  [PUSH_TIME]: 'Last Unix time when changing this group in the Pushgateway succeeded.',
  [PUSH_FAILURE_TIME]: 'Last Unix time when changing this group in the Pushgateway failed.',
}

/** The two families that the gateway adds to each group, in order. */
const OWN: readonly NamedHeader[] = [PUSH_FAILURE_TIME, PUSH_TIME].map((name) => ({
  name,
  latin1: renderHeader(name, 'gauge', HELP_TEXTS[name]),
}))

const CHUNK_BYTES = 256 * 1024
const OFFSETS = 16 * 1024
const LINE_FEED = 0x0a
const HASH = 0x23

/**
 * Makes drafts of stored groups. A draft reads the text of a group where the store put it, if that is one piece; families that
 * come one by one are copied into large chunks, and so is what the gateway adds to each group.
 */
export class GroupReader {
  private readonly layouts: Layouts
  private chunk: Buffer = Buffer.alloc(0)
  private at = 0
  /** Of the memory that was read last: thousands of texts lie in the same. */
  private view = new DataView(this.chunk.buffer)
  private offsets = new Uint32Array(0)
  private offsetsAt = 0
  /** Most groups have the layout of the one before. */
  private last: Layout | undefined

  constructor(layouts: Layouts) {
    this.layouts = layouts
  }

  /** @throws StoreError corrupt, naming the group */
  read(group: StoredGroup): GroupDraft {
    try {
      return this.draft(group)
    } catch (error) {
      const key = JSON.stringify(group.key.toString('latin1'))
      throw new StoreError('corrupt', `the stored group ${key} cannot be read: ${String(error)}`, {
        cause: error,
      })
    }
  }

  private draft(group: StoredGroup): GroupDraft {
    const { packed } = group
    const families = packed?.layout.families ?? group.families
    const familyEnds = packed?.ends ?? endsOf(group.families)
    const storedBytes = familyEnds[familyEnds.length - 1] ?? 0
    const id = group.key.toString('latin1')
    const labelText = exposedLabelText(id, group.key)
    const times = [
      `${PUSH_FAILURE_TIME}{${labelText}} ${showTime(group.failureTimeUs)}\n`,
      `${PUSH_TIME}{${labelText}} ${showTime(group.pushTimeUs)}\n`,
    ] as const
    const failureTimeBytes = Buffer.byteLength(times[0])
    const timesBytes = failureTimeBytes + Buffer.byteLength(times[1])

    const source = packed?.data ?? this.copyFamilies(group.families, storedBytes)
    const layout = this.hasLastLayout(families, familyEnds, source)
      ? this.last!
      : this.layoutOf(families, familyEnds, source)
    this.last = layout
    const chunk = this.reserve(timesBytes)
    const timesAt = this.at
    this.at += chunk.write(times[0] + times[1], timesAt)

    const offsets = this.reserveOffsets(layout.names.length)
    const offsetsAt = this.offsetsAt
    this.offsetsAt += 2 * layout.names.length
    let full: Map<string, Buffer> | undefined
    let completed: Map<number, Buffer> | undefined
    let incomplete: Map<string, Buffer> | undefined
    let next = 0
    let offset = 0
    for (let i = 0; i < layout.names.length; i++) {
      const name = layout.names[i]!
      const own = ownIndex(name)
      if (own >= 0) {
        offsets[offsetsAt + 2 * i] = own === 0 ? timesAt : timesAt + failureTimeBytes
        offsets[offsetsAt + 2 * i + 1] = timesAt + (own === 0 ? failureTimeBytes : timesBytes)
        continue
      }
      const header = layout.headers[i]!
      const familyEnd = familyEnds[next++]!
      let textEnd = familyEnd
      if (source[familyEnd - 1] !== LINE_FEED) {
        const parts = splitStored(source.subarray(offset, familyEnd))
        textEnd = offset + parts.text.length
        full ??= new Map<string, Buffer>()
        full.set(name, Buffer.from(parts.full!))
      }
      const start = offset + header.latin1.length
      const isText = textEnd === familyEnd
      if (
        isHistogramType(header.type) &&
        !(isText && haveLastBuckets(source.subarray(start, textEnd)))
      ) {
        const stored = readStored({
          text: source.subarray(offset, textEnd),
          full: full?.get(name),
        })
        const shown = completeBuckets(stored)
        if (shown !== stored) {
          completed ??= new Map<number, Buffer>()
          completed.set(i, Buffer.from(renderFamilySamples(shown)))
          incomplete ??= new Map<string, Buffer>()
          incomplete.set(name, Buffer.from(source.subarray(start, textEnd)))
        }
      }
      offsets[offsetsAt + 2 * i] = start
      offsets[offsetsAt + 2 * i + 1] = textEnd
      offset = familyEnd
    }
    const slot: GroupSlot = {
      id,
      createdTimeUs: group.createdTimeUs,
      pushTimeUs: group.pushTimeUs,
      failureTimeUs: group.failureTimeUs,
      inconsistent: group.inconsistent,
      sampleCount: packed?.layout.sampleCount ?? countSamples(group.families),
      storedBytes,
      layout,
      pushedAtUs: pushedAtOfFamilies(group),
      full,
      incomplete,
    }
    return new GroupDraft(slot, source, chunk, offsets, offsetsAt, completed)
  }

  /** Makes room behind `at` in the chunk, or begins a new one. */
  private reserve(bytes: number): Buffer {
    if (this.at + bytes > this.chunk.length) {
      this.chunk = Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_BYTES))
      this.at = 0
    }
    return this.chunk
  }

  /** The same for the places of so many families. */
  private reserveOffsets(families: number): Uint32Array {
    if (this.offsetsAt + 2 * families > this.offsets.length) {
      this.offsets = new Uint32Array(Math.max(2 * families, OFFSETS))
      this.offsetsAt = 0
    }
    return this.offsets
  }

  /** The families as one piece, in the chunk. */
  private copyFamilies(families: readonly StoredFamily[], bytes: number): Buffer {
    const chunk = this.reserve(bytes)
    const start = this.at
    const [first] = families
    if (first !== undefined && isOnePiece(families, first.data.buffer, first.data.byteOffset)) {
      chunk.set(new Uint8Array(first.data.buffer, first.data.byteOffset, bytes), start)
    } else {
      let at = start
      for (const { data } of families) {
        chunk.set(data, at)
        at += data.length
      }
    }
    this.at += bytes
    return chunk.subarray(start, this.at)
  }

  /** @param data of the families */
  private hasLastLayout(
    families: readonly { readonly name: string }[],
    familyEnds: readonly number[],
    data: Buffer,
  ): boolean {
    const layout = this.last
    if (layout?.names.length !== families.length + OWN.length) return false
    if (this.view.buffer !== data.buffer) this.view = new DataView(data.buffer)
    const { view } = this
    let at = 0
    let next = 0
    for (let i = 0; i < layout.names.length; i++) {
      const expected = layout.names[i]!
      if (ownIndex(expected) >= 0) continue
      const header = layout.headers[i]!
      if (families[next]!.name !== expected) return false
      if (!beginsWith(view, data.byteOffset + at, header)) return false
      if (data[at + header.latin1.length] === HASH) return false
      at = familyEnds[next++]!
    }
    return true
  }

  private layoutOf(
    families: readonly { readonly name: string }[],
    familyEnds: readonly number[],
    data: Buffer,
  ): Layout {
    const named: NamedHeader[] = []
    let own = 0
    for (const [i, { name }] of families.entries()) {
      while (own < OWN.length && compareUtf8(OWN[own]!.name, name) < 0) named.push(OWN[own++]!)
      const stored = data.subarray(i === 0 ? 0 : familyEnds[i - 1], familyEnds[i])
      named.push({ name, latin1: headerIn(splitStored(stored).text) })
    }
    return this.layouts.find([...named, ...OWN.slice(own)])
  }
}

function endsOf(families: readonly StoredFamily[]): number[] {
  let end = 0
  return families.map(({ data }) => (end += data.length))
}

function countSamples(families: readonly StoredFamily[]): number {
  return families.reduce((total, { sampleCount }) => total + sampleCount, 0)
}

/** Undefined when all families came with the last push. */
function pushedAtOfFamilies(group: StoredGroup): ReadonlyMap<string, number> | undefined {
  const { packed, pushTimeUs } = group
  if (packed !== undefined && packed.pushedAtUs === undefined) return undefined
  if (group.families.every((family) => family.pushedAtUs === pushTimeUs)) return undefined
  return new Map(group.families.map(({ name, pushedAtUs }) => [name, pushedAtUs]))
}

function ownIndex(name: string): number {
  return name === PUSH_FAILURE_TIME ? 0 : name === PUSH_TIME ? 1 : -1
}

function isOnePiece(
  families: readonly StoredFamily[],
  buffer: ArrayBufferLike,
  byteOffset: number,
): boolean {
  let at = byteOffset
  for (const { data } of families) {
    if (data.byteOffset !== at || data.buffer !== buffer) return false
    at += data.length
  }
  return true
}

function showTime(timeUs: number): string {
  return timeUs === 0 ? '0' : formatFloat64(timeUs / 1e6)
}

/** The grouping labels as text shows them. */
function exposedLabelText(id: string, key: Buffer): string {
  // A length of two bytes is outside of ASCII too.

  if (/[^\0-\x7f]/.test(id)) return renderLabels(exposedLabels(decodeGroupKey(key)))
  let text = ''
  let instanceIsMissing = true
  for (let at = 0; at < id.length;) {
    const nameEnd = at + 1 + id.charCodeAt(at)
    const valueEnd = nameEnd + 1 + id.charCodeAt(nameEnd)
    const name = id.slice(at + 1, nameEnd)
    if (instanceIsMissing && name >= 'instance') {
      if (name !== 'instance') text += `${text === '' ? '' : ','}instance=""`
      instanceIsMissing = false
    }
    const label = renderLabel({ name, value: id.slice(nameEnd + 1, valueEnd) })
    text += text === '' ? label : `,${label}`
    at = valueEnd
  }
  return instanceIsMissing ? `${text === '' ? '' : `${text},`}instance=""` : text
}

/** The grouping labels as they are exposed: with an empty `instance` where there is none. */
export function exposedLabels({ labels }: GroupingKey): readonly Label[] {
  if (labels.some((label) => label.name === 'instance')) return labels
  return [...labels, { name: 'instance', value: '' }].sort((a, b) => compareUtf8(a.name, b.name))
}

export function headerOf({ layout }: GroupSlot, name: string): Header {
  return layout.headers[layout.indexes.get(name)!]!
}

/** True when text does not say all there is to say of the family. */
export function isMoreThanText(slot: GroupSlot, name: string): boolean {
  return slot.full?.has(name) === true
}

/**
 * A family of the group as it was pushed, parsed again.
 *
 * @param samples as the page has them
 * @throws StoreError corrupt
 */
export function familyOf(slot: GroupSlot, name: string, samples: Buffer): MetricFamily {
  const header = Buffer.from(headerOf(slot, name).latin1, 'latin1')
  const text = Buffer.concat([header, slot.incomplete?.get(name) ?? samples])
  try {
    return readStored({ text, full: slot.full?.get(name) })
  } catch (error) {
    throw unreadable(error)
  }
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
    return readStored(splitStored(data))
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(cause: unknown): StoreError {
  return new StoreError('corrupt', `a stored family cannot be read: ${String(cause)}`, { cause })
}
