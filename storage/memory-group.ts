/**
 * A group of the memory store. Pushes that bring nothing but new values are written over what it has: a copy of its
 * bytes costs less than what the garbage collector would have to do with new ones for each push (ratio in
 * test/bench/README.md). Whoever reads a group gets a copy.
 */
import type { PackedFamilies, Revision, StoredFamily, StoredGroup } from './group-store.ts'
import type { Layout } from './layout.ts'
import { packedGroup, unpack, type GroupState } from './packed-families.ts'

export type PackedWithLayout = PackedFamilies & { readonly layout: Layout }

/** Values differ a little in length from push to push. */
const SPARE_BYTES = 64

export class MemoryGroup {
  readonly shapeRevision: Revision
  readonly createdTimeUs: number
  readonly inconsistent: boolean
  readonly layout: Layout
  private revision: Revision
  private pushTimeUs: number
  private failureTimeUs: number
  private bytes: Buffer
  private ends: readonly number[]
  private pushedAtUs: readonly number[] | undefined

  constructor(state: GroupState, { layout, data, ends, pushedAtUs }: PackedWithLayout) {
    this.shapeRevision = state.shapeRevision
    this.createdTimeUs = state.createdTimeUs
    this.inconsistent = state.inconsistent
    this.layout = layout
    this.revision = state.revision
    this.pushTimeUs = state.pushTimeUs
    this.failureTimeUs = state.failureTimeUs
    this.bytes = roomFor(data)
    this.bytes.set(data)
    this.ends = ends
    this.pushedAtUs = pushedAtUs
  }

  /** How many bytes its families have. */
  get byteLength(): number {
    return this.ends.length === 0 ? 0 : this.ends[this.ends.length - 1]!
  }

  get lastFailureTimeUs(): number {
    return this.failureTimeUs
  }

  /** Takes over the values of a push with the same layout. */
  putValues(
    { data, ends }: Pick<PackedFamilies, 'data' | 'ends'>,
    revision: Revision,
    pushTimeUs: number,
  ): void {
    if (data.length > this.bytes.length) this.bytes = roomFor(data)
    this.bytes.set(data)
    this.ends = ends
    this.pushedAtUs = undefined
    this.revision = revision
    this.pushTimeUs = pushTimeUs
  }

  fail(revision: Revision, failureTimeUs: number): void {
    this.revision = revision
    this.failureTimeUs = failureTimeUs
  }

  /** Its families as they are; to be used before the next write only. */
  families(): readonly StoredFamily[] {
    return unpack(this.packed(this.bytes), this.pushTimeUs)
  }

  /** The group as it is now, whatever is written to it afterwards. */
  copy(key: Buffer): StoredGroup {
    const packed = this.packed(Buffer.from(this.bytes.subarray(0, this.byteLength)))
    const { revision, shapeRevision, createdTimeUs, pushTimeUs, failureTimeUs, inconsistent } = this
    const times = { createdTimeUs, pushTimeUs, failureTimeUs }
    return packedGroup(key, { revision, shapeRevision, ...times, inconsistent }, packed)
  }

  private packed(data: Buffer): PackedFamilies {
    const { layout, ends, pushedAtUs } = this
    return { layout, data, ends, pushedAtUs }
  }
}

/** Memory of its own: a part of the pool that small Buffers come from would keep all of that. */
function roomFor(data: Buffer): Buffer {
  return Buffer.allocUnsafeSlow(data.length === 0 ? 0 : data.length + SPARE_BYTES)
}
