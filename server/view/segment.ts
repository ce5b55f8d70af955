/**
 * A stretch of a family: the samples of some groups, in order of their keys, as text; and what other formats make of
 * them, once that was asked for. A segment never changes; a changed group makes a new one of it.
 */
import { escapeFamily } from '../exposition/text/render.ts'
import type { MetricFamily } from '../metrics/metric-family.ts'
import {
  familyOf,
  headerOf,
  isMoreThanText,
  type GroupDraft,
  type GroupSlot,
} from './group-slot.ts'
import type { Steps } from './in-slices.ts'
import { encodeFamilyMetrics, type FamilyFormat } from './page-pieces.ts'
import { RopePart } from './rope.ts'

/** The metrics of a segment in one format, and where those of each group end. */
interface Encoded {
  readonly part: RopePart
  readonly ends: Uint32Array
}

/** What groups had in other formats before their neighbours changed: for each group of a segment, where that is. */
interface Carried {
  readonly encoded: readonly (ReadonlyMap<string, Encoded> | undefined)[]
  readonly indexes: readonly number[]
}

/** Larger parts compress better, smaller ones cost less per changed group. */
export const SEGMENT_BYTES = 64 * 1024
export const SEGMENT_GROUPS_MAX = 1024

export class Segment {
  /** Of the family. */
  readonly name: string
  readonly slots: readonly GroupSlot[]
  readonly text: RopePart
  /** Where the samples of each group end in the text. */
  readonly ends: Uint32Array
  /** Families that are shown otherwise than stored (resolve.ts). */
  private readonly shown: ReadonlyMap<GroupSlot, MetricFamily> | undefined
  private readonly encoded = new Map<string, Encoded>()
  private carried: Carried | undefined
  private knownHelp: string | undefined
  private knownUnit: { readonly unit: string | undefined } | undefined
  private knownQuoted: boolean | undefined
  private knownMoreThanText: boolean | undefined

  constructor(
    name: string,
    slots: readonly GroupSlot[],
    text: Buffer,
    ends: Uint32Array,
    {
      carried,
      shown,
    }: { carried?: Carried | undefined; shown?: ReadonlyMap<GroupSlot, MetricFamily> } = {},
  ) {
    this.name = name
    this.slots = slots
    this.text = new RopePart(text)
    this.ends = ends
    this.carried = carried
    this.shown = shown
  }

  get byteLength(): number {
    return this.text.plain.length
  }

  startOf(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1]!
  }

  samplesAt(index: number): Buffer {
    return this.text.plain.subarray(this.startOf(index), this.ends[index])
  }

  /** The place of a group, or -1. */
  indexOf(id: string): number {
    const index = lowerBound(this.slots, id)
    return this.slots[index]?.id === id ? index : -1
  }

  /** HELP of the first group that has one, or ''. */
  get help(): string {
    return (this.knownHelp ??= this.firstOf((slot) => headerOf(slot, this.name).help) ?? '')
  }

  /** The unit that the first group with one gives. */
  get unit(): string | undefined {
    this.knownUnit ??= { unit: this.firstOf((slot) => headerOf(slot, this.name).unit) }
    return this.knownUnit.unit
  }

  /** What `look` finds first; groups of the layout of the one before have nothing new to say. */
  private firstOf(look: (slot: GroupSlot) => string | undefined): string | undefined {
    let layout: GroupSlot['layout'] | undefined
    for (const slot of this.slots) {
      if (slot.layout === layout) continue
      ;({ layout } = slot)
      const found = look(slot)
      if (found !== undefined && found !== '') return found
    }
    return undefined
  }

  private get mayBeQuoted(): boolean {
    return (this.knownQuoted ??= mayHaveQuotedNames(this.text.plain))
  }

  private get hasMoreThanText(): boolean {
    return (this.knownMoreThanText ??= this.slots.some((slot) => isMoreThanText(slot, this.name)))
  }

  /** What others need of the segment in other formats; undefined when nobody asked for one. */
  get encodedFormats(): ReadonlyMap<string, Encoded> | undefined {
    return this.encoded.size === 0 ? undefined : this.encoded
  }

  /** What is shown of a group in place of what it has. */
  shownFamilyAt(index: number): MetricFamily {
    const slot = this.slots[index]!
    return this.shown?.get(slot) ?? familyOf(slot, this.name, this.samplesAt(index))
  }

  /**
   * The metrics in a format. One part serves all escapings when no name in here needs quotes, and OpenMetrics as
   * well as text when there is nothing but text.
   */
  *part(format: FamilyFormat): Steps<RopePart> {
    const { syntax, escaping, shape } = format
    const plain = escaping === 'allow-utf-8' || !this.mayBeQuoted
    const asText = syntax === 'text' || (syntax === 'openmetrics' && !this.hasMoreThanText)
    if (asText && plain) return this.text
    const kind = asText ? 'text' : `${syntax} ${shape?.type} ${shape?.created}`
    const id = `${kind} ${plain ? 'any' : escaping}`
    const known = this.encoded.get(id)
    if (known !== undefined) return known.part
    const encoded = yield* this.encode(id, format, asText)
    this.encoded.set(id, encoded)
    if (this.carriesNothingMore()) this.carried = undefined
    return encoded.part
  }

  private *encode(id: string, format: FamilyFormat, asText: boolean): Steps<Encoded> {
    const pieces: Buffer[] = []
    const ends = new Uint32Array(this.slots.length)
    let bytes = 0
    for (let i = 0; i < this.slots.length; i++) {
      let piece = this.carriedPiece(id, i)
      if (piece === undefined) {
        piece = this.encodeGroup(i, format, asText)
        yield
      }
      pieces.push(piece)
      bytes += piece.length
      ends[i] = bytes
    }
    return { part: new RopePart(Buffer.concat(pieces, bytes)), ends }
  }

  private carriedPiece(id: string, index: number): Buffer | undefined {
    const encoded = this.carried?.encoded[index]?.get(id)
    if (encoded === undefined) return undefined
    const at = this.carried!.indexes[index]!
    return encoded.part.plain.subarray(at === 0 ? 0 : encoded.ends[at - 1], encoded.ends[at])
  }

  private carriesNothingMore(): boolean {
    return (
      this.carried?.encoded.every(
        (formats) =>
          formats === undefined || [...formats.keys()].every((id) => this.encoded.has(id)),
      ) === true
    )
  }

  private encodeGroup(index: number, format: FamilyFormat, asText: boolean): Buffer {
    const samples = this.samplesAt(index)
    const quoted = this.mayBeQuoted && mayHaveQuotedNames(samples)
    if (asText && !quoted) return samples
    const family = this.shownFamilyAt(index)
    return encodeFamilyMetrics(format, quoted ? escapeFamily(family, format.escaping) : family)
  }

  /** The segment with some of its families shown otherwise. */
  withShown(shown: ReadonlyMap<GroupSlot, { samples: Buffer; family: MetricFamily }>): Segment {
    const pieces: Buffer[] = []
    const ends = new Uint32Array(this.slots.length)
    const families = new Map<GroupSlot, MetricFamily>()
    let bytes = 0
    for (const [i, slot] of this.slots.entries()) {
      const other = shown.get(slot)
      if (other !== undefined) families.set(slot, other.family)
      const piece = other?.samples ?? this.samplesAt(i)
      pieces.push(piece)
      bytes += piece.length
      ends[i] = bytes
    }
    return new Segment(this.name, this.slots, Buffer.concat(pieces, bytes), ends, {
      shown: families,
    })
  }
}

/** A quoted name stands behind '{' or ','; that a value may end so only costs a second look. */
function mayHaveQuotedNames(text: Buffer): boolean {
  return text.includes('{"') || text.includes(',"')
}

/** The first slot that does not stand before a key. */
export function lowerBound(slots: readonly GroupSlot[], id: string, from = 0): number {
  let low = from
  let high = slots.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (slots[middle]!.id < id) low = middle + 1
    else high = middle
  }
  return low
}

/** Collects the groups of new segments, in order: changed ones from drafts, others from segments they were in. */
export class SegmentBuilder {
  private readonly name: string
  private slots: GroupSlot[] = []
  private sources: Buffer[] = []
  private starts: number[] = []
  private lengths: number[] = []
  private origins: (Segment | undefined)[] = []
  private originIndexes: number[] = []
  byteLength = 0

  constructor(name: string) {
    this.name = name
  }

  get size(): number {
    return this.slots.length
  }

  addDraft(draft: GroupDraft, index: number): void {
    const completed = draft.completed?.get(index)
    if (completed !== undefined) {
      this.add(draft.slot, completed, 0, completed.length, undefined, 0)
    } else {
      const start = draft.starts[index]!
      this.add(draft.slot, draft.source, start, draft.ends[index]! - start, undefined, 0)
    }
  }

  /** Adds groups of a segment as they are. */
  addFrom(segment: Segment, from: number, to: number): void {
    const { plain } = segment.text
    const origin = segment.encodedFormats === undefined ? undefined : segment
    let start = segment.startOf(from)
    for (let i = from; i < to; i++) {
      const end = segment.ends[i]!
      this.add(segment.slots[i]!, plain, start, end - start, origin, i)
      start = end
    }
  }

  /** Puts a whole segment in front of what was collected. */
  addBefore(segment: Segment): void {
    const { slots, sources, starts, lengths, origins, originIndexes, byteLength } = this
    this.clear()
    this.addFrom(segment, 0, segment.slots.length)
    this.slots = this.slots.concat(slots)
    this.sources = this.sources.concat(sources)
    this.starts = this.starts.concat(starts)
    this.lengths = this.lengths.concat(lengths)
    this.origins = this.origins.concat(origins)
    this.originIndexes = this.originIndexes.concat(originIndexes)
    this.byteLength += byteLength
  }

  private clear(): void {
    this.slots = []
    this.sources = []
    this.starts = []
    this.lengths = []
    this.origins = []
    this.originIndexes = []
    this.byteLength = 0
  }

  private add(
    slot: GroupSlot,
    source: Buffer,
    start: number,
    length: number,
    origin: Segment | undefined,
    originIndex: number,
  ): void {
    this.slots.push(slot)
    this.sources.push(source)
    this.starts.push(start)
    this.lengths.push(length)
    this.origins.push(origin)
    this.originIndexes.push(originIndex)
    this.byteLength += length
  }

  /** The groups as segments of about the size that is wanted. Afterwards the builder is empty. */
  *build(): Steps<Segment[]> {
    const segments: Segment[] = []
    const fits = this.byteLength <= 2 * SEGMENT_BYTES && this.slots.length <= SEGMENT_GROUPS_MAX
    const bytesMax = fits ? Infinity : SEGMENT_BYTES
    const groupsMax = fits ? Infinity : SEGMENT_GROUPS_MAX / 2
    let from = 0
    let bytes = 0
    for (let i = 0; i < this.slots.length; i++) {
      const length = this.lengths[i]!
      if (i > from && (bytes + length > bytesMax || i - from >= groupsMax)) {
        segments.push(this.cut(from, i, bytes))
        yield
        from = i
        bytes = 0
      }
      bytes += length
    }
    if (from < this.slots.length) segments.push(this.cut(from, this.slots.length, bytes))
    this.clear()
    yield
    return segments
  }

  private cut(from: number, to: number, bytes: number): Segment {
    const text = Buffer.allocUnsafeSlow(bytes)
    const ends = new Uint32Array(to - from)
    let at = 0
    // What lies together is copied together.
    let source = this.sources[from]!
    let start = this.starts[from]!
    let end = start
    for (let i = from; i < to; i++) {
      const nextStart = this.starts[i]!
      if (this.sources[i] !== source || nextStart !== end) {
        text.set(source.subarray(start, end), at)
        at += end - start
        source = this.sources[i]!
        start = nextStart
      }
      end = nextStart + this.lengths[i]!
      ends[i - from] = at + end - start
    }
    text.set(source.subarray(start, end), at)
    return new Segment(this.name, this.slots.slice(from, to), text, ends, {
      carried: this.carriedOf(from, to),
    })
  }

  private carriedOf(from: number, to: number): Carried | undefined {
    const origins = this.origins.slice(from, to)
    if (origins.every((origin) => origin === undefined)) return undefined
    return {
      encoded: origins.map((origin) => origin?.encodedFormats),
      indexes: this.originIndexes.slice(from, to),
    }
  }
}
