/**
 * A stretch of a family: the samples of some groups, in order of their keys, as text; and what other formats make of
 * them, once that was asked for. A segment never changes; a changed group makes a new one of it.
 */
import { escapeFamily } from '../exposition/text/render.ts'
import { encodeLines } from '../exposition/protobuf/encode-lines.ts'
import type { MetricFamily } from '../metrics/metric-family.ts'
import { familyOf, headerOf, isMoreThanText, type GroupSlot } from './group-slot.ts'
import type { Steps } from './in-slices.ts'
import { encodeFamilyMetrics, type FamilyFormat } from './page-pieces.ts'
import { RopePart } from './rope.ts'

/** The metrics of a segment in one format, and where those of each group end. */
export interface Encoded {
  readonly part: RopePart
  readonly ends: Uint32Array
}

/** What groups had in other formats before their neighbours changed: for each group of a segment, where that is. */
export interface Carried {
  readonly encoded: readonly (ReadonlyMap<string, Encoded> | undefined)[]
  readonly indexes: readonly number[]
}

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
      isUnquoted = false,
    }: {
      carried?: Carried | undefined
      shown?: ReadonlyMap<GroupSlot, MetricFamily>
      isUnquoted?: boolean
    } = {},
  ) {
    this.name = name
    this.slots = slots
    this.text = new RopePart(text)
    this.ends = ends
    this.carried = carried
    this.shown = shown
    this.knownQuoted = isUnquoted ? false : undefined
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

  /** True when it was looked for quoted names already, and there are none. */
  get isKnownUnquoted(): boolean {
    return this.knownQuoted === false
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
    const slot = this.slots[index]!
    if (format.syntax === 'protobuf' && !quoted && this.isAsPushed(slot)) {
      const encoded = encodeLines(samples, headerOf(slot, this.name).type)
      if (encoded !== undefined) return encoded
    }
    const family = this.shownFamilyAt(index)
    return encodeFamilyMetrics(format, quoted ? escapeFamily(family, format.escaping) : family)
  }

  /** Whether text says all there is to say of the group's samples. */
  private isAsPushed(slot: GroupSlot): boolean {
    return !isMoreThanText(slot, this.name) && this.shown?.has(slot) !== true
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
export function mayHaveQuotedNames(text: Buffer): boolean {
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
