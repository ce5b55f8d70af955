/** A group as pages about groups see it: one moment of it, whatever the view does meanwhile. */
import { decodeGroupKey, type GroupingKey } from '../groups/grouping-key.ts'
import type { MetricFamily, MetricType } from '../metrics/metric-family.ts'
import type { FamilyAtOnce } from './family-view.ts'
import { familyOf, headerOf, isMoreThanText, pushedAtOf, type GroupSlot } from './group-slot.ts'

export class ShownGroup {
  readonly slot: GroupSlot
  private readonly families: ReadonlyMap<string, FamilyAtOnce>
  private knownGrouping: GroupingKey | undefined

  /** @param families all of the same moment */
  constructor(slot: GroupSlot, families: ReadonlyMap<string, FamilyAtOnce>) {
    this.slot = slot
    this.families = families
  }

  get grouping(): GroupingKey {
    return (this.knownGrouping ??= decodeGroupKey(Buffer.from(this.slot.id, 'latin1')))
  }

  /** Of all its families, sorted. */
  get names(): readonly string[] {
    return this.slot.layout.names
  }

  type(name: string): MetricType {
    return headerOf(this.slot, name).type
  }

  /** As the text format escapes it, or '' when the family has none. */
  help(name: string): string {
    return headerOf(this.slot, name).help
  }

  /** The sample lines of a family, as text shows them. */
  samples(name: string): Buffer {
    const place = this.families.get(name)?.find(this.slot.id)
    if (place === undefined) throw new RangeError(`the group has no family ${JSON.stringify(name)}`)
    return place.segment.samplesAt(place.index)
  }

  /**
   * A family as it was pushed, parsed again.
   *
   * @throws StoreError corrupt
   */
  family(name: string): MetricFamily {
    return familyOf(this.slot, name, this.samples(name))
  }

  /** True when text does not say all there is to say of the family. */
  isMoreThanText(name: string): boolean {
    return isMoreThanText(this.slot, name)
  }

  /** Store time at which a family was last written. */
  pushedAt(name: string): number {
    return pushedAtOf(this.slot, name)
  }
}
