/**
 * One family of the page over all groups that have it: the groups in order of their keys, cut into
 * segments of about 64 KB. A changed group makes one new segment.
 */
import { unescapeHelp } from '../exposition/text/render.ts'
import type { MetricFamily, MetricType } from '../metrics/metric-family.ts'
import { escapeMetricName } from '../metrics/names.ts'
import { headerOf, type GroupDraft, type GroupSlot } from './group-slot.ts'
import type { Steps } from './in-slices.ts'
import { encodeHead, type FamilyFormat, type FamilyHead } from './page-pieces.ts'
import { RopePart } from './rope.ts'
import { SEGMENT_BYTES, SegmentBuilder } from './segment-builder.ts'
import { lowerBound, type Segment } from './segment.ts'

/** Groups that change, in order of their keys; undefined is gone. */
export interface GroupChanges {
  readonly ids: readonly string[]
  readonly drafts: readonly (GroupDraft | undefined)[]
}

/** A family after its changes, which shows nothing of them before it is taken. */
export interface MergedFamily {
  readonly segments: readonly Segment[]
  /** HELP texts and how many groups more have them. */
  readonly helps: ReadonlyMap<string, number>
}

/** A family at one moment; it stays what it is while the view goes on. */
export class FamilyAtOnce {
  readonly name: string
  readonly segments: readonly Segment[]
  private readonly headers: Map<string, RopePart>
  private knownType: MetricType | undefined
  private knownHelp: string | undefined

  constructor(name: string, segments: readonly Segment[], headers: Map<string, RopePart>) {
    this.name = name
    this.segments = segments
    this.headers = headers
  }

  /** Of the first group that is not left out. */
  get type(): MetricType {
    return (this.knownType ??= this.findType())
  }

  private findType(): MetricType {
    for (const { slots, ends } of this.segments) {
      let start = 0
      for (const [i, slot] of slots.entries()) {
        if (ends[i]! > start) return headerOf(slot, this.name).type
        start = ends[i]!
      }
    }
    return 'untyped'
  }

  /** HELP of the group with the lowest key that has one, as the format escapes it; or ''. */
  get helpText(): string {
    return (this.knownHelp ??= this.segments.find(({ help }) => help !== '')?.help ?? '')
  }

  /** The metrics of all groups; nothing at all when every group is left out. */
  *metrics(format: FamilyFormat): Steps<RopePart[]> {
    const parts: RopePart[] = []
    for (const segment of this.segments) {
      const part = yield* segment.part(format)
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
      header = new RopePart(encodeHead(format, this.head(format), metricsBytes))
      this.headers.set(id, header)
    }
    return header
  }

  private head({ syntax, escaping }: FamilyFormat): FamilyHead {
    const help = this.helpText
    // Looking for one that is not there means looking at all groups.
    const unit =
      syntax === 'text'
        ? undefined
        : this.segments.find((segment) => segment.unit !== undefined)?.unit
    return {
      name: escapeMetricName(this.name, escaping),
      type: this.type,
      help: help === '' ? undefined : unescapeHelp(help),
      ...(unit === undefined ? {} : { unit }),
    }
  }

  /** Where the samples of a group lie. */
  find(id: string): { readonly segment: Segment; readonly index: number } | undefined {
    const segment = this.segments[segmentFor(this.segments, id)]
    const index = segment?.indexOf(id) ?? -1
    return segment === undefined || index < 0 ? undefined : { segment, index }
  }
}

export class FamilyView {
  readonly name: string
  /** As stored. */
  private segments: readonly Segment[] = []
  /** How many groups have which HELP. */
  private readonly helps = new Map<string, number>()
  /** What is shown now. */
  shown: FamilyAtOnce

  constructor(name: string) {
    this.name = name
    this.shown = new FamilyAtOnce(name, [], new Map())
  }

  get isEmpty(): boolean {
    return this.segments.length === 0
  }

  /** The family as stored, whatever is shown of it. */
  get stored(): FamilyAtOnce {
    return new FamilyAtOnce(this.name, this.segments, new Map())
  }

  /**
   * The family as changes make it.
   *
   * @param places which of the changed groups had the family or have it now
   */
  *merge(changes: GroupChanges, places: readonly number[]): Steps<MergedFamily> {
    const { segments } = this
    const merged: Segment[] = []
    const helps = new Map<string, number>()
    const builder = new SegmentBuilder(this.name)
    let next = 0
    for (let s = 0; s < Math.max(1, segments.length); s++) {
      const segment = segments[s]
      const following = segments[s + 1]?.slots[0]?.id
      const end =
        following === undefined ? places.length : endBefore(changes.ids, places, next, following)
      if (segment !== undefined && end === next) {
        if (isSmall(builder) && builder.byteLength + segment.byteLength <= SEGMENT_BYTES) {
          builder.addFrom(segment, 0, segment.slots.length)
          if (!isSmall(builder)) yield* flush(builder, merged)
        } else {
          yield* flush(builder, merged)
          merged.push(segment)
        }
        continue
      }
      yield* this.apply(segment, changes, places.slice(next, end), builder, helps)
      next = end
      if (!isSmall(builder)) yield* flush(builder, merged)
    }
    yield* flush(builder, merged)
    return { segments: merged, helps }
  }

  /** Adds to the builder a segment with the changes that belong there. */
  private *apply(
    segment: Segment | undefined,
    { ids, drafts }: GroupChanges,
    places: readonly number[],
    builder: SegmentBuilder,
    helps: Map<string, number>,
  ): Steps<void> {
    const slots = segment?.slots ?? []
    const count = (slot: GroupSlot, step: 1 | -1): void => {
      const { help } = headerOf(slot, this.name)
      if (help !== '') helps.set(help, (helps.get(help) ?? 0) + step)
    }
    let kept = 0
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!
      const id = ids[place]!
      const at = lowerBound(slots, id, kept)
      if (segment !== undefined) builder.addFrom(segment, kept, at)
      kept = at
      const before = slots[at]
      if (before?.id === id) {
        count(before, -1)
        kept++
      }
      const draft = drafts[place]
      const index = draft?.slot.layout.indexes.get(this.name)
      if (draft !== undefined && index !== undefined) {
        count(draft.slot, 1)
        builder.addDraft(draft, index)
      }
      if (i % GROUPS_A_STEP === 0) yield
    }
    if (segment !== undefined) builder.addFrom(segment, kept, slots.length)
  }

  /** Shows the family as changed. */
  take({ segments, helps }: MergedFamily): void {
    this.segments = segments
    for (const [help, step] of helps) {
      const count = (this.helps.get(help) ?? 0) + step
      if (count > 0) this.helps.set(help, count)
      else this.helps.delete(help)
    }
    this.shown = new FamilyAtOnce(this.name, segments, new Map())
  }

  /** Shows some groups otherwise than stored, and all others as they are stored. */
  show(others: ReadonlyMap<GroupSlot, { samples: Buffer; family: MetricFamily }>): void {
    if (others.size === 0 && this.shown.segments === this.segments) return
    const segments = this.segments.map((segment) =>
      segment.slots.some((slot) => others.has(slot)) ? segment.withShown(others) : segment,
    )
    this.shown = new FamilyAtOnce(
      this.name,
      others.size === 0 ? this.segments : segments,
      new Map(),
    )
  }

  /** A HELP that some group has and that is not shown; undefined when all agree. */
  get otherHelpText(): string | undefined {
    if (this.helps.size < 2) return undefined
    const shown = this.shown.helpText
    return [...this.helps.keys()].find((help) => help !== shown)
  }
}

const GROUPS_A_STEP = 128

/** What is smaller is joined with its neighbours. */
function isSmall({ size, byteLength }: SegmentBuilder): boolean {
  return size > 0 && byteLength < SEGMENT_BYTES / 2
}

/** Moves what was collected behind the finished segments; the last of them comes along when both are small. */
function* flush(builder: SegmentBuilder, merged: Segment[]): Steps<void> {
  if (builder.size === 0) return
  const last = merged[merged.length - 1]
  if (last !== undefined && last.byteLength + builder.byteLength <= SEGMENT_BYTES / 2) {
    merged.pop()
    builder.addBefore(last)
  }
  merged.push(...(yield* builder.build()))
}

/** The first of the places whose group does not stand before a key. */
function endBefore(
  ids: readonly string[],
  places: readonly number[],
  from: number,
  id: string,
): number {
  let low = from
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ids[places[middle]!]! < id) low = middle + 1
    else high = middle
  }
  return low
}

/** The segment that a key belongs to: the last one that does not begin behind it. */
function segmentFor(segments: readonly Segment[], id: string): number {
  let low = 0
  let high = segments.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (segments[middle]!.slots[0]!.id <= id) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}
