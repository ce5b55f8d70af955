/**
 * This replica's materialised page: all groups as of one revision of the store, and the page they
 * make, kept in pieces so that a scrape costs what changed since the last one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChangePage, GroupStore, Cursor, StoredGroup } from '../../storage/group-store.ts'
import { ORIGIN } from '../../storage/group-store.ts'
import { compareUtf8 } from '../groups/grouping-key.ts'
import type { ExpositionFormat } from '../exposition/negotiate.ts'
import type { MetricFamily } from '../metrics/metric-family.ts'
import { FamilyView } from './family-view.ts'
import { createGroupSlot, NameLists, type GroupSlot, type ResolvedFamily } from './group-slot.ts'
import { encodeEnd, encodeFamilyMetrics, encodeHead, familyFormats } from './page-pieces.ts'
import { resolve } from './resolve.ts'
import { RopePart } from './rope.ts'

export interface ViewEvents {
  /** Groups disagree about the HELP of a family; called once for each family. */
  helpDiffers(name: string, shown: string, other: string): void
  /** The view had to read everything anew. */
  reset(reason: string): void
  /** The view shows what the store had when this sync began, or later. */
  synced?(): void
  /** A sync failed; the view shows what it showed before. */
  syncFailed?(error: unknown): void
}

/** What the shown groups amount to; the same at every replica that shows the same revision. */
export interface ViewTotals {
  readonly groups: number
  /** Samples that were pushed. */
  readonly samples: number
  /** Of families as the store has them. */
  readonly bytes: number
}

/** Pauses shorter than this are left out: a timer takes as long. */
const PAUSE_MS_MIN = 1

/** One answer of the store; it also bounds what is read in one go on the event loop. */
const PAGE_BYTES = 1024 * 1024

export class View {
  private readonly store: GroupStore
  private readonly events: ViewEvents
  private cursor: Cursor = ORIGIN
  private slots = new Map<string, GroupSlot>()
  private families = new Map<string, FamilyView>()
  private lists = new NameLists()
  /** Families in the order of the page; undefined when one came or went. */
  private order: FamilyView[] | undefined
  private inconsistentGroups = 0
  private samples = 0
  private bytes = 0
  private syncedAt: number | undefined
  private readonly createdAt = performance.now()
  private resolvedSlots: GroupSlot[] = []
  private readonly helpReported = new Set<string>()
  private running: Promise<void> | undefined
  private next: Promise<void> | undefined

  /** Metrics that the page leaves out because stored groups contradict each other. */
  leftOut = 0

  constructor(store: GroupStore, events: ViewEvents) {
    this.store = store
    this.events = events
  }

  /** Which revision of the store the view shows. */
  get position(): Cursor {
    return this.cursor
  }

  get groupCount(): number {
    return this.slots.size
  }

  get totals(): ViewTotals {
    return { groups: this.slots.size, samples: this.samples, bytes: this.bytes }
  }

  /** Whether any sync was completed. */
  get wasSynced(): boolean {
    return this.syncedAt !== undefined
  }

  /** Milliseconds since the last completed sync; since the view was made, before the first. */
  get ageMs(): number {
    return performance.now() - (this.syncedAt ?? this.createdAt)
  }

  /** Families whose groups disagree about HELP, seen since the start. */
  get helpDifferences(): number {
    return this.helpReported.size
  }

  /**
   * Brings the view up to the store's head. Calls share work, but none joins a sync that was
   * already under way: what was acknowledged before the call is in the view after it.
   */
  sync(): Promise<void> {
    if (this.next !== undefined) return this.next
    if (this.running === undefined) return this.start()
    return (this.next = this.running.catch(() => undefined).then(() => this.start()))
  }

  private start(): Promise<void> {
    this.next = undefined
    const running = this.follow()
      .then(
        () => {
          this.syncedAt = performance.now()
          this.events.synced?.()
        },
        (error: unknown) => {
          this.events.syncFailed?.(error)
          throw error
        },
      )
      .finally(() => {
        if (this.running === running) this.running = undefined
      })
    this.running = running
    return running
  }

  /** All groups, in order of their keys. */
  groups(): GroupSlot[] {
    return [...this.slots.values()].sort(byId)
  }

  group(key: Buffer): GroupSlot | undefined {
    return this.slots.get(key.toString('latin1'))
  }

  /**
   * The page in order of family names, the families of the page's own process among them. An own family's head
   * stands for pushed ones of its name; one that meets another type, stored before the name was ours, gives way.
   *
   * @param own sorted by name
   */
  page(format: ExpositionFormat, own: readonly MetricFamily[]): RopePart[] {
    const parts: RopePart[] = []
    const families = this.orderedFamilies()
    const formatOf = familyFormats(format, [...own, ...families])
    const addPushed = (family: FamilyView): void => {
      const familyFormat = formatOf(family)
      const metrics = family.metrics(familyFormat)
      if (metrics.length > 0) parts.push(family.header(familyFormat, bytesOf(metrics)), ...metrics)
    }
    let next = 0
    for (const family of own) {
      while (next < families.length && compareUtf8(families[next]!.name, family.name) < 0) {
        addPushed(families[next++]!)
      }
      const pushed = families[next]?.name === family.name ? families[next++] : undefined
      if (pushed !== undefined && pushed.type !== family.type) {
        addPushed(pushed)
        continue
      }
      const familyFormat = formatOf(family)
      const metrics = [
        new RopePart(encodeFamilyMetrics(familyFormat, family)),
        ...(pushed?.metrics(familyFormat) ?? []),
      ]
      const head = encodeHead(familyFormat, family, bytesOf(metrics))
      parts.push(new RopePart(head), ...metrics)
    }
    while (next < families.length) addPushed(families[next++]!)
    const end = encodeEnd(format)
    if (end.length > 0) parts.push(new RopePart(end))
    return parts
  }

  private orderedFamilies(): FamilyView[] {
    return (this.order ??= [...this.families.values()].sort((a, b) => compareUtf8(a.name, b.name)))
  }

  /** Collects pages until the view would equal one state of the store, then takes them all. */
  private async follow(): Promise<void> {
    const collected = new Map<string, StoredGroup | null>()
    let full = this.cursor.revision === 0
    let position = this.cursor
    let after = position.revision
    for (let first = true; ;) {
      const askedAt = performance.now()
      const answer = await this.store.changes({ position, after, full, bytesMax: PAGE_BYTES })
      if (answer.kind === 'reset') {
        this.events.reset(answer.reason)
        collected.clear()
        full = first = true
        position = ORIGIN
        after = 0
        continue
      }
      for (const { key, group } of answer.items) collected.set(key.toString('latin1'), group)
      if (answer.complete) return this.take(collected, full, answer)
      // What is read from here on must be the same history as the first page.
      if (first) position = answer.head
      first = false
      after = answer.upto
      if (full) await pauseFor(performance.now() - askedAt)
    }
  }

  private take(
    changes: ReadonlyMap<string, StoredGroup | null>,
    full: boolean,
    page: ChangePage,
  ): void {
    const lists = full ? new NameLists() : this.lists
    // All slots first: a group that cannot be read must not leave half of the changes behind.
    const slots = [...changes].map(
      ([id, group]) => [id, group === null ? undefined : createGroupSlot(group, lists)] as const,
    )
    if (full) this.clear(lists)
    const pushed = new Set<FamilyView>()
    for (const [id, slot] of slots) this.replace(id, slot, pushed)
    for (const family of pushed) this.compareHelp(family)
    this.cursor = page.head
    if (changes.size > 0 || full) this.settle()
  }

  private clear(lists: NameLists): void {
    this.slots = new Map()
    this.families = new Map()
    this.lists = lists
    this.order = undefined
    this.inconsistentGroups = 0
    this.samples = 0
    this.bytes = 0
    this.resolvedSlots = []
    this.leftOut = 0
  }

  /** Collects in `pushed` the families that the group brings. */
  private replace(id: string, after: GroupSlot | undefined, pushed: Set<FamilyView>): void {
    const before = this.slots.get(id)
    if (before !== undefined) {
      this.lists.give(before.list)
      if (before.inconsistent) this.inconsistentGroups--
      this.samples -= before.sampleCount
      this.bytes -= before.storedBytes
      for (const name of before.list.names) {
        if (after?.list.indexes.has(name) !== true) this.removeFrom(name, id)
      }
    }
    if (after === undefined) {
      this.slots.delete(id)
      return
    }
    if (after.inconsistent) this.inconsistentGroups++
    this.samples += after.sampleCount
    this.bytes += after.storedBytes
    this.slots.set(id, after)
    for (const name of after.list.names) pushed.add(this.addTo(name, after))
  }

  private addTo(name: string, slot: GroupSlot): FamilyView {
    let family = this.families.get(name)
    if (family === undefined) {
      family = new FamilyView(name)
      this.families.set(name, family)
      this.order = undefined
    }
    family.put(slot)
    return family
  }

  private removeFrom(name: string, id: string): void {
    const family = this.families.get(name)
    family?.remove(id)
    if (family?.isEmpty !== true) return
    this.families.delete(name)
    this.helpReported.delete(name)
    this.order = undefined
  }

  private compareHelp(family: FamilyView): void {
    const other = family.otherHelpText
    if (other === undefined || this.helpReported.has(family.name)) return
    this.helpReported.add(family.name)
    this.events.helpDiffers(family.name, family.helpText, other)
  }

  /** After changes: which groups of an inconsistent store are shown. */
  private settle(): void {
    const before = this.resolvedSlots
    if (this.inconsistentGroups === 0 && before.length === 0) return
    for (const slot of before) slot.resolved = undefined
    const { shown, leftOut } =
      this.inconsistentGroups === 0
        ? { shown: new Map<GroupSlot, Map<string, ResolvedFamily>>(), leftOut: 0 }
        : resolve(this.groups())
    for (const [slot, families] of shown) slot.resolved = families
    this.resolvedSlots = [...shown.keys()]
    this.leftOut = leftOut
    for (const slot of [...before, ...this.resolvedSlots]) {
      for (const name of slot.list.names) this.families.get(name)?.touch(slot.id)
    }
  }
}

/**
 * Waits for a random part of the time that a page of the store took. Many replicas that read everything at once would
 * otherwise leave the store no time for pushes.
 */
async function pauseFor(pageMs: number): Promise<void> {
  const pauseMs = Math.random() * pageMs
  if (pauseMs >= PAUSE_MS_MIN) await sleep(pauseMs)
}

function bytesOf(parts: readonly RopePart[]): number {
  return parts.reduce((total, { plain }) => total + plain.length, 0)
}

function byId(a: GroupSlot, b: GroupSlot): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
