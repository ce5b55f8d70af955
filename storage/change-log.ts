/**
 * Which things changed after a revision, without looking at those that did not: an append-only log
 * that forgets entries a later change of the same thing made pointless.
 */
import type { Revision } from './group-store.ts'

/** Knows its last revision itself; 0 when it is to be forgotten. */
export interface Changing {
  readonly revision: Revision
}

export class ChangeLog<Item extends Changing> {
  private revisions: Revision[] = []
  private items: Item[] = []

  /**
   * Revisions come in ascending order.
   *
   * @param alive about how many items there are
   */
  record(item: Item, revision: Revision, alive: number): void {
    if (this.items.length > 2 * alive + 1024) this.compact()
    this.revisions.push(revision)
    this.items.push(item)
  }

  /** The items whose last change came after a revision, in order of that change. */
  *after(revision: Revision): Generator<Item> {
    for (let i = this.firstAfter(revision); i < this.items.length; i++) {
      const item = this.items[i]!
      if (item.revision === this.revisions[i]) yield item
    }
  }

  private firstAfter(revision: Revision): number {
    let low = 0
    let high = this.revisions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.revisions[middle]! <= revision) low = middle + 1
      else high = middle
    }
    return low
  }

  private compact(): void {
    const { revisions, items } = this
    let kept = 0
    for (let i = 0; i < items.length; i++) {
      if (items[i]!.revision !== revisions[i]) continue
      items[kept] = items[i]!
      revisions[kept++] = revisions[i]!
    }
    items.length = revisions.length = kept
  }
}
