/**
 * One group as the view holds it: its key, times and layout. The samples of its families lie in the segments of the
 * page and nowhere else; a draft has them until they are there.
 */
import { StoreError } from '../../storage/errors.ts'
import type { StoredFamily, StoredGroup } from '../../storage/group-store.ts'
import { readStored, splitStored } from '../exposition/stored-family.ts'
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
import { headerIn, type Header, type Layout, type Layouts, type NamedHeader } from './layout.ts'

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
export interface GroupDraft {
  readonly slot: GroupSlot
  /** Has the samples of all families but the completed ones; for family i from `starts[i]` to `ends[i]`. */
  readonly source: Buffer
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  /** By index, samples of histograms to which buckets were added. */
  readonly completed: ReadonlyMap<number, Buffer> | undefined
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

const CHUNK_BYTES = 1024 * 1024
const LINE_FEED = 0x0a
const HASH = 0x23

/**
 * Makes drafts of stored groups. Their text is copied into large chunks, since what a store hands out may be a small
 * part of something large, or thousands of small things.
 */
export class GroupReader {
  private readonly layouts: Layouts
  private chunk: Buffer = Buffer.alloc(0)
  private at = 0
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
    const { families } = group
    const id = group.key.toString('latin1')
    const times = renderTimes(group, exposedLabelText(id, group.key))
    let storedBytes = 0
    let sampleCount = 0
    let together = true
    for (const { data, sampleCount: samples, pushedAtUs } of families) {
      storedBytes += data.length
      sampleCount += samples
      if (pushedAtUs !== group.pushTimeUs) together = false
    }
    const timesBytes = [Buffer.byteLength(times[0]), Buffer.byteLength(times[1])] as const
    const source = this.reserve(storedBytes + timesBytes[0] + timesBytes[1])
    const begin = this.at
    const timesAt = begin + storedBytes
    this.copyFamilies(families, storedBytes)
    source.write(times[0] + times[1], timesAt)
    this.at = timesAt + timesBytes[0] + timesBytes[1]

    const text = source.toString('latin1', begin, timesAt)
    const full = new Map<string, Buffer>()
    const lengths = families.map(({ name, data }) => {
      if (data[data.length - 1] === LINE_FEED) return data.length
      const parts = splitStored(data)
      // The store may have it in the middle of much more.
      if (parts.full !== undefined) full.set(name, Buffer.from(parts.full))
      return parts.text.length
    })
    const layout = this.hasLastLayout(families, text) ? this.last! : this.layoutOf(families)
    this.last = layout

    const starts: number[] = []
    const ends: number[] = []
    let completed: Map<number, Buffer> | undefined
    let incomplete: Map<string, Buffer> | undefined
    let next = 0
    let offset = begin
    for (let i = 0; i < layout.names.length; i++) {
      const own = ownIndex(layout.names[i]!)
      if (own >= 0) {
        const start = own === 0 ? timesAt : timesAt + timesBytes[0]
        starts.push(start)
        ends.push(start + timesBytes[own]!)
        continue
      }
      const header = layout.headers[i]!
      const { name, data } = families[next]!
      const length = lengths[next]!
      starts.push(offset + header.latin1.length)
      ends.push(offset + length)
      offset += data.length
      next++
      if (!isHistogramType(header.type)) continue
      const stored = readStored({ text: data.subarray(0, length), full: full.get(name) })
      const shown = completeBuckets(stored)
      if (shown === stored) continue
      completed ??= new Map<number, Buffer>()
      completed.set(i, Buffer.from(renderFamilySamples(shown)))
      incomplete ??= new Map<string, Buffer>()
      incomplete.set(name, Buffer.from(data.subarray(header.latin1.length, length)))
    }
    return {
      slot: {
        id,
        createdTimeUs: group.createdTimeUs,
        pushTimeUs: group.pushTimeUs,
        failureTimeUs: group.failureTimeUs,
        inconsistent: group.inconsistent,
        sampleCount,
        storedBytes,
        layout,
        pushedAtUs: together
          ? undefined
          : new Map(families.map((family) => [family.name, family.pushedAtUs])),
        full: full.size > 0 ? full : undefined,
        incomplete,
      },
      source,
      starts,
      ends,
      completed,
    }
  }

  /** Makes room behind `at` in the chunk, or begins a new one. */
  private reserve(bytes: number): Buffer {
    if (this.at + bytes > this.chunk.length) {
      this.chunk = Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_BYTES))
      this.at = 0
    }
    return this.chunk
  }

  private copyFamilies(families: readonly StoredFamily[], bytes: number): void {
    const [first] = families
    if (first === undefined) return
    const { buffer, byteOffset } = first.data
    if (isOnePiece(families, buffer, byteOffset)) {
      this.chunk.set(new Uint8Array(buffer, byteOffset, bytes), this.at)
      return
    }
    let at = this.at
    for (const { data } of families) {
      this.chunk.set(data, at)
      at += data.length
    }
  }

  /** @param text of all families, a character a byte */
  private hasLastLayout(families: readonly StoredFamily[], text: string): boolean {
    const layout = this.last
    if (layout?.names.length !== families.length + OWN.length) return false
    let at = 0
    let next = 0
    for (let i = 0; i < layout.names.length; i++) {
      const expected = layout.names[i]!
      if (ownIndex(expected) >= 0) continue
      const { name, data } = families[next++]!
      const { latin1 } = layout.headers[i]!
      if (name !== expected || !text.startsWith(latin1, at)) return false
      if (text.charCodeAt(at + latin1.length) === HASH) return false
      at += data.length
    }
    return true
  }

  private layoutOf(families: readonly StoredFamily[]): Layout {
    const named: NamedHeader[] = []
    let next = 0
    for (const { name, data } of families) {
      while (next < OWN.length && compareUtf8(OWN[next]!.name, name) < 0) named.push(OWN[next++]!)
      named.push({ name, latin1: headerIn(splitStored(data).text) })
    }
    return this.layouts.find([...named, ...OWN.slice(next)])
  }
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

/** The samples of the two own families. */
function renderTimes(group: StoredGroup, labelText: string): readonly [string, string] {
  const line = (name: string, timeUs: number): string =>
    `${name}{${labelText}} ${timeUs === 0 ? '0' : formatFloat64(timeUs / 1e6)}\n`
  return [line(PUSH_FAILURE_TIME, group.failureTimeUs), line(PUSH_TIME, group.pushTimeUs)]
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
