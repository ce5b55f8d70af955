/**
 * One family of the page over all groups that have it: the groups in order of their keys, cut into
 * segments of about 64 KB, each with its bytes kept. A changed group makes one segment dirty.
 */
import { escapeFamily, unescapeHelp } from '../exposition/text/render.ts'
import type { MetricType } from '../metrics/metric-family.ts'
import { escapeMetricName, type EscapingScheme } from '../metrics/names.ts'
import {
  helpTextOf,
  isMoreThanText,
  samplesOf,
  shownFamilyOf,
  typeOf,
  unitOf,
  type GroupSlot,
} from './group-slot.ts'
import {
  encodeFamilyMetrics,
  encodeHead,
  type FamilyFormat,
  type FamilyHead,
} from './page-pieces.ts'
import { RopePart } from './rope.ts'

/** Cutting into larger parts compresses better, into smaller ones costs less per changed group. */
const SEGMENT_BYTES = 64 * 1024
const SEGMENT_GROUPS_MAX = 1024

class Segment {
  slots: GroupSlot[]
  /** The metrics by what they depend on of a format; see `part`. */
  private parts = new Map<string, RopePart>()
  /** HELP of the first group that has one; undefined before the segment is looked at. */
  private help: string | undefined
  private mayBeQuoted: boolean | undefined
  private moreThanText: boolean | undefined
  private byteCount: number | undefined

  constructor(slots: GroupSlot[]) {
    this.slots = slots
  }

  touch(): void {
    this.parts.clear()
    this.help = undefined
    this.mayBeQuoted = undefined
    this.moreThanText = undefined
    this.byteCount = undefined
  }

  /** Of the samples as text, names unescaped. */
  bytes(name: string): number {
    return (this.byteCount ??= this.slots.reduce(
      (total, slot) => total + samplesOf(slot, name).length,
      0,
    ))
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

  /**
   * The metrics in a format. One part serves all escapings when no name in here needs quotes, and OpenMetrics as
   * well as text when there is nothing but text.
   */
  part(name: string, format: FamilyFormat): RopePart {
    const { syntax, escaping, shape } = format
    this.mayBeQuoted ??= this.slots.some((slot) => slot.mayBeQuoted)
    this.moreThanText ??= this.slots.some((slot) => isMoreThanText(slot, name))
    const plain = escaping === 'allow-utf-8' || !this.mayBeQuoted
    const asText = syntax === 'text' || (syntax === 'openmetrics' && !this.moreThanText)
    const kind = asText ? 'text' : `${syntax} ${shape?.type} ${shape?.created}`
    const id = `${kind} ${plain ? 'any' : escaping}`
    let part = this.parts.get(id)
    if (part === undefined) {
      part = new RopePart(
        Buffer.concat(
          this.slots.map((slot) =>
            asText && (plain || !slot.mayBeQuoted)
              ? samplesOf(slot, name)
              : encodeSlot(slot, name, format),
          ),
        ),
      )
      this.parts.set(id, part)
    }
    return part
  }
}

function encodeSlot(slot: GroupSlot, name: string, format: FamilyFormat): Buffer {
  const family = shownFamilyOf(slot, name)
  return encodeFamilyMetrics(
    format,
    slot.mayBeQuoted ? escapeFamily(family, format.escaping) : family,
  )
}

export class FamilyView {
  readonly name: string
  private segments: Segment[] = []
  /** The last header in each format. */
  private readonly headers = new Map<string, RopePart>()
  private sizesChanged = false
  /** How many groups have which HELP. */
  private readonly helps = new Map<string, number>()

  constructor(name: string) {
    this.name = name
  }

  get isEmpty(): boolean {
    return this.segments.length === 0
  }

  /** Adds a group, or takes its new slot in place of its old one. */
  put(slot: GroupSlot): void {
    this.changed()
    const at = this.segmentFor(slot.id)
    const segment = this.segments[at]
    this.countHelp(slot, 1)
    if (segment === undefined) {
      this.segments.push(new Segment([slot]))
      return
    }
    const index = lowerBound(segment.slots, slot.id)
    const before = segment.slots[index]
    if (before?.id === slot.id) {
      this.countHelp(before, -1)
      segment.slots[index] = slot
    } else {
      segment.slots.splice(index, 0, slot)
    }
    segment.touch()
    if (segment.slots.length > SEGMENT_GROUPS_MAX) this.segments.splice(at, 1, ...this.cut(segment))
  }

  remove(id: string): void {
    this.changed()
    const at = this.segmentFor(id)
    const segment = this.segments[at]
    if (segment === undefined) return
    const index = lowerBound(segment.slots, id)
    const slot = segment.slots[index]
    if (slot?.id !== id) return
    this.countHelp(slot, -1)
    segment.slots.splice(index, 1)
    if (segment.slots.length === 0) this.segments.splice(at, 1)
    else segment.touch()
  }

  /** Something other than the slot itself changed what this group shows. */
  touch(id: string): void {
    this.changed()
    this.segments[this.segmentFor(id)]?.touch()
  }

  /** A HELP that some group has and that is not shown; undefined when all agree. */
  get otherHelpText(): string | undefined {
    if (this.helps.size < 2) return undefined
    const shown = this.helpText
    return [...this.helps.keys()].find((help) => help !== shown)
  }

  private countHelp(slot: GroupSlot, step: 1 | -1): void {
    const help = helpTextOf(slot, this.name)
    if (help === '') return
    const count = (this.helps.get(help) ?? 0) + step
    if (count > 0) this.helps.set(help, count)
    else this.helps.delete(help)
  }

  private changed(): void {
    this.headers.clear()
    this.sizesChanged = true
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

  /** The unit that the group with the lowest key gives. */
  private get unit(): string | undefined {
    for (const slot of this.slots()) {
      const unit = unitOf(slot, this.name)
      if (unit !== undefined) return unit
    }
    return undefined
  }

  /** The metrics of all groups; nothing at all when every group is left out. */
  metrics(format: FamilyFormat): RopePart[] {
    if (this.sizesChanged) this.balance()
    const parts: RopePart[] = []
    for (const segment of this.segments) {
      const part = segment.part(this.name, format)
      if (part.plain.length > 0) parts.push(part)
    }
    return parts
  }

  /** @param metricsBytes of what `metrics` gave */
  header(format: FamilyFormat, metricsBytes: number): RopePart {
    const { syntax, escaping, shape } = format
    const id = `${syntax} ${escaping} ${shape?.familyName} ${shape?.type} ${syntax === 'protobuf' ? metricsBytes : ''}`
    let header = this.headers.get(id)
    if (header === undefined) {
      header = new RopePart(encodeHead(format, this.head(escaping), metricsBytes))
      this.headers.set(id, header)
    }
    return header
  }

  private head(escaping: EscapingScheme): FamilyHead {
    const help = this.helpText
    const { unit } = this
    return {
      name: escapeMetricName(this.name, escaping),
      type: this.type,
      help: help === '' ? undefined : unescapeHelp(help),
      ...(unit === undefined ? {} : { unit }),
    }
  }

  private *shownSlots(): Generator<GroupSlot> {
    for (const slot of this.slots()) if (samplesOf(slot, this.name).length > 0) yield slot
  }

  /** Cuts segments that have become large, joins neighbours that have become small. */
  private balance(): void {
    this.sizesChanged = false
    const balanced: Segment[] = []
    for (const segment of this.segments) {
      const bytes = segment.bytes(this.name)
      const last = balanced[balanced.length - 1]
      if (bytes > 2 * SEGMENT_BYTES && segment.slots.length > 1) {
        balanced.push(...this.cut(segment))
      } else if (
        last !== undefined &&
        last.bytes(this.name) + bytes <= SEGMENT_BYTES / 2 &&
        last.slots.length + segment.slots.length <= SEGMENT_GROUPS_MAX / 2
      ) {
        balanced[balanced.length - 1] = new Segment([...last.slots, ...segment.slots])
      } else {
        balanced.push(segment)
      }
    }
    this.segments = balanced
  }

  /** Pieces of about the size that is wanted. */
  private cut({ slots }: Segment): Segment[] {
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
    return pieces.map((piece) => new Segment(piece))
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
