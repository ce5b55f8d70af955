/**
 * One family of the page over all groups that have it: the groups in order of their keys, cut into
 * segments of about 64 KB, each with its bytes kept. A changed group makes one segment dirty.
 */
import type { EscapingScheme } from '../metrics/names.ts'
import { escapeMetricName } from '../metrics/names.ts'
import { escapeFamily, renderFamily, renderHeader, shownName } from '../exposition/text/render.ts'
import type { MetricType } from '../metrics/metric-family.ts'
import { RopePart } from './rope.ts'
import { helpTextOf, parseStored, samplesOf, typeOf, type GroupSlot } from './group-slot.ts'

/** Cutting into larger parts compresses better, into smaller ones costs less per changed group. */
const SEGMENT_BYTES = 64 * 1024
const SEGMENT_GROUPS_MAX = 1024

class Segment {
  slots: GroupSlot[]
  /** The samples by escaping scheme; one entry serves all when no name in here needs quotes. */
  private parts = new Map<EscapingScheme | 'any', RopePart>()
  /** HELP of the first group that has one; undefined before the segment is looked at. */
  private help: string | undefined
  private mayBeQuoted: boolean | undefined
  /** As last joined; 0 before that. */
  bytes = 0

  constructor(slots: GroupSlot[]) {
    this.slots = slots
  }

  touch(): void {
    this.parts.clear()
    this.help = undefined
    this.mayBeQuoted = undefined
  }

  helpText(name: string): string {
    if (this.help === undefined) {
      this.help = ''
      for (const slot of this.slots) {
        this.help = helpTextOf(slot, name)
        if (this.help !== '') break
      }
    }
    return this.help
  }

  part(name: string, scheme: EscapingScheme): RopePart {
    this.mayBeQuoted ??= this.slots.some((slot) => slot.mayBeQuoted)
    const plain = scheme === 'allow-utf-8' || !this.mayBeQuoted
    const id = plain ? 'any' : scheme
    let part = this.parts.get(id)
    if (part === undefined) {
      part = new RopePart(plain ? this.join(name) : this.joinEscaped(name, scheme))
      this.parts.set(id, part)
    }
    this.bytes = part.plain.length
    return part
  }

  private join(name: string): Buffer {
    return Buffer.concat(this.slots.map((slot) => samplesOf(slot, name)))
  }

  private joinEscaped(name: string, scheme: EscapingScheme): Buffer {
    return Buffer.concat(
      this.slots.map((slot) => {
        const samples = samplesOf(slot, name)
        if (!slot.mayBeQuoted || samples.length === 0) return samples
        const header = renderHeader(name, typeOf(slot, name), undefined)
        const family = escapeFamily(
          parseStored(Buffer.concat([Buffer.from(header), samples])),
          scheme,
        )
        const text = Buffer.from(renderFamily(family))
        return text.subarray(renderHeader(family.name, family.type, undefined).length)
      }),
    )
  }
}

export class FamilyView {
  readonly name: string
  private segments: Segment[] = []
  private readonly headers = new Map<EscapingScheme, RopePart>()

  constructor(name: string) {
    this.name = name
  }

  get isEmpty(): boolean {
    return this.segments.length === 0
  }

  /** Adds a group, or takes its new slot in place of its old one. */
  put(slot: GroupSlot): void {
    this.headers.clear()
    const at = this.segmentFor(slot.id)
    const segment = this.segments[at]
    if (segment === undefined) {
      this.segments.push(new Segment([slot]))
      return
    }
    const index = lowerBound(segment.slots, slot.id)
    if (segment.slots[index]?.id === slot.id) segment.slots[index] = slot
    else segment.slots.splice(index, 0, slot)
    segment.touch()
    if (segment.slots.length > SEGMENT_GROUPS_MAX) this.split(at)
  }

  remove(id: string): void {
    this.headers.clear()
    const at = this.segmentFor(id)
    const segment = this.segments[at]
    if (segment === undefined) return
    const index = lowerBound(segment.slots, id)
    if (segment.slots[index]?.id !== id) return
    segment.slots.splice(index, 1)
    if (segment.slots.length === 0) this.segments.splice(at, 1)
    else {
      segment.touch()
      this.mergeSmall(at)
    }
  }

  /** Something other than the slot itself changed what this group shows. */
  touch(id: string): void {
    this.headers.clear()
    this.segments[this.segmentFor(id)]?.touch()
  }

  /** The groups that have the family, in order. */
  *slots(): Generator<GroupSlot> {
    for (const segment of this.segments) yield* segment.slots
  }

  get type(): MetricType {
    const [first] = this.shownSlots()
    return first === undefined ? 'untyped' : typeOf(first, this.name)
  }

  /** HELP of the group with the lowest key that has one, as the format escapes it; or ''. */
  get helpText(): string {
    for (const segment of this.segments) {
      const text = segment.helpText(this.name)
      if (text !== '') return text
    }
    return ''
  }

  /** HELP and TYPE, then the segments; nothing at all when every group is left out. */
  parts(scheme: EscapingScheme, withHeader: boolean): RopePart[] {
    const segments = this.samples(scheme)
    if (segments.length === 0 || !withHeader) return segments
    return [this.header(scheme), ...segments]
  }

  private samples(scheme: EscapingScheme): RopePart[] {
    const parts: RopePart[] = []
    for (let i = 0; i < this.segments.length; i++) {
      const segment = this.segments[i]!
      const part = segment.part(this.name, scheme)
      if (part.plain.length > 2 * SEGMENT_BYTES && segment.slots.length > 1) {
        this.split(i--)
        continue
      }
      if (part.plain.length > 0) parts.push(part)
    }
    return parts
  }

  private header(scheme: EscapingScheme): RopePart {
    let header = this.headers.get(scheme)
    if (header === undefined) {
      const shown = escapeMetricName(this.name, scheme)
      const help = this.helpText
      const helpLine = help === '' ? '' : `# HELP ${shownName(shown)} ${help}\n`
      const text = helpLine + renderHeader(shown, this.type, undefined)
      header = new RopePart(Buffer.from(text))
      this.headers.set(scheme, header)
    }
    return header
  }

  private *shownSlots(): Generator<GroupSlot> {
    for (const slot of this.slots()) if (samplesOf(slot, this.name).length > 0) yield slot
  }

  /** Cuts a segment so that the pieces have about the size that is wanted. */
  private split(at: number): void {
    const { slots } = this.segments[at]!
    const pieces: GroupSlot[][] = [[]]
    let bytes = 0
    for (const slot of slots) {
      const size = samplesOf(slot, this.name).length
      const last = pieces[pieces.length - 1]!
      const full = bytes + size > SEGMENT_BYTES || last.length >= SEGMENT_GROUPS_MAX / 2
      if (full && last.length > 0) {
        pieces.push([slot])
        bytes = size
      } else {
        last.push(slot)
        bytes += size
      }
    }
    this.segments.splice(at, 1, ...pieces.map((piece) => new Segment(piece)))
  }

  /** Joins a segment that deletions made small with the next one, when that is small too. */
  private mergeSmall(at: number): void {
    const [a, b] = [this.segments[at], this.segments[at + 1]]
    if (a === undefined || b === undefined) return
    if (a.bytes + b.bytes > SEGMENT_BYTES / 2) return
    if (a.slots.length + b.slots.length > SEGMENT_GROUPS_MAX / 4) return
    this.segments.splice(at, 2, new Segment([...a.slots, ...b.slots]))
  }

  /** The segment that a key belongs to: the last one that does not begin behind it. */
  private segmentFor(id: string): number {
    let low = 0
    let high = this.segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.segments[middle]!.slots[0]!.id <= id) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }
}

function lowerBound(slots: readonly GroupSlot[], id: string): number {
  let low = 0
  let high = slots.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (slots[middle]!.id < id) low = middle + 1
    else high = middle
  }
  return low
}
