/**
 * Puts new segments together: changed groups from their drafts, all others from the segments they were in. What lay
 * together there is copied together, so a segment with one change of four hundred is three copies.
 */
import type { GroupDraft, GroupSlot } from './group-slot.ts'
import type { Steps } from './in-slices.ts'
import { mayHaveQuotedNames, Segment, type Carried, type Encoded } from './segment.ts'

/** Larger parts compress better, smaller ones cost less per changed group. */
export const SEGMENT_BYTES = 64 * 1024
const SEGMENT_GROUPS_MAX = 1024

/** Groups that come from one place: of a segment those from `from` to `to`, of a draft the family of index `from`. */
class Runs {
  readonly origins: (Segment | GroupDraft)[] = []
  readonly froms: number[] = []
  readonly tos: number[] = []
  groups = 0
  bytes = 0

  add(origin: Segment | GroupDraft, from: number, to: number, bytes: number): void {
    this.origins.push(origin)
    this.froms.push(from)
    this.tos.push(to)
    this.groups += to - from
    this.bytes += bytes
  }
}

export class SegmentBuilder {
  private readonly name: string
  private runs = new Runs()

  constructor(name: string) {
    this.name = name
  }

  /** How many groups were added. */
  get size(): number {
    return this.runs.groups
  }

  get byteLength(): number {
    return this.runs.bytes
  }

  /** @param index of the family among those of the group */
  addDraft(draft: GroupDraft, index: number): void {
    this.runs.add(draft, index, index + 1, draft.lengthAt(index))
  }

  /** Adds groups of a segment as they are. */
  addFrom(segment: Segment, from: number, to: number): void {
    if (from === to) return
    this.runs.add(segment, from, to, segment.ends[to - 1]! - segment.startOf(from))
  }

  /** Puts a whole segment in front of what was collected. */
  addBefore(segment: Segment): void {
    const { origins, froms, tos, groups, bytes } = this.runs
    this.runs = new Runs()
    this.addFrom(segment, 0, segment.slots.length)
    for (const [i, origin] of origins.entries()) this.runs.add(origin, froms[i]!, tos[i]!, 0)
    this.runs.groups = segment.slots.length + groups
    this.runs.bytes = segment.byteLength + bytes
  }

  /** The groups as segments of about the size that is wanted. Afterwards the builder is empty. */
  *build(): Steps<Segment[]> {
    const { runs } = this
    this.runs = new Runs()
    if (runs.bytes <= 2 * SEGMENT_BYTES && runs.groups <= SEGMENT_GROUPS_MAX) {
      yield
      return runs.groups === 0 ? [] : [this.cut(runs)]
    }
    const segments: Segment[] = []
    let piece = new Runs()
    for (let r = 0; r < runs.origins.length; r++) {
      const origin = runs.origins[r]!
      for (let i = runs.froms[r]!; i < runs.tos[r]!; i++) {
        const bytes = lengthAt(origin, i)
        const isFull = piece.bytes + bytes > SEGMENT_BYTES || piece.groups >= SEGMENT_GROUPS_MAX / 2
        if (isFull && piece.groups > 0) {
          segments.push(this.cut(piece))
          yield
          piece = new Runs()
        }
        piece.add(origin, i, i + 1, bytes)
      }
    }
    segments.push(this.cut(piece))
    yield
    return segments
  }

  private cut({ origins, froms, tos, groups, bytes }: Runs): Segment {
    const text = Buffer.allocUnsafeSlow(bytes)
    const slots = new Array<GroupSlot>(groups)
    const ends = new Uint32Array(groups)
    let at = 0
    let next = 0
    for (let r = 0; r < origins.length; r++) {
      const origin = origins[r]!
      const from = froms[r]!
      if (origin instanceof Segment) {
        const to = tos[r]!
        const start = origin.startOf(from)
        const end = origin.ends[to - 1]!
        text.set(origin.text.plain.subarray(start, end), at)
        for (let i = from; i < to; i++) {
          slots[next] = origin.slots[i]!
          ends[next++] = origin.ends[i]! - start + at
        }
        at += end - start
      } else {
        const samples = origin.samplesAt(from)
        text.set(samples, at)
        at += samples.length
        slots[next] = origin.slot
        ends[next++] = at
      }
    }
    return new Segment(this.name, slots, text, ends, {
      carried: carriedOf(origins, froms, tos),
      isUnquoted: areUnquoted(origins, froms),
    })
  }
}

function lengthAt(origin: Segment | GroupDraft, index: number): number {
  if (!(origin instanceof Segment)) return origin.lengthAt(index)
  return origin.ends[index]! - origin.startOf(index)
}

/** True when that can be said by looking at what is new. */
function areUnquoted(
  origins: readonly (Segment | GroupDraft)[],
  froms: readonly number[],
): boolean {
  const isKnown = origins.some((origin) => origin instanceof Segment && origin.isKnownUnquoted)
  return (
    isKnown &&
    origins.every((origin, r) =>
      origin instanceof Segment
        ? origin.isKnownUnquoted
        : !mayHaveQuotedNames(origin.samplesAt(froms[r]!)),
    )
  )
}

/** Undefined when nobody asked for other formats of these segments. */
function carriedOf(
  origins: readonly (Segment | GroupDraft)[],
  froms: readonly number[],
  tos: readonly number[],
): Carried | undefined {
  const isAsked = (origin: Segment | GroupDraft): boolean =>
    origin instanceof Segment && origin.encodedFormats !== undefined
  if (!origins.some(isAsked)) return undefined
  const encoded: (ReadonlyMap<string, Encoded> | undefined)[] = []
  const indexes: number[] = []
  for (const [r, origin] of origins.entries()) {
    for (let i = froms[r]!; i < tos[r]!; i++) {
      encoded.push(origin instanceof Segment ? origin.encodedFormats : undefined)
      indexes.push(i)
    }
  }
  return { encoded, indexes }
}
