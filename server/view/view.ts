/**
 * This replica's materialised page: all groups as of one revision of the store, and the page they
 * make, kept in pieces so that a scrape costs what changed since the last one.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChangePage, Cursor, GroupStore } from '../../storage/group-store.ts'
import { ORIGIN } from '../../storage/group-store.ts'
import { compareUtf8 } from '../groups/grouping-key.ts'
import type { ExpositionFormat } from '../exposition/negotiate.ts'
import type { MetricFamily } from '../metrics/metric-family.ts'
import { FamilyView, type FamilyAtOnce, type MergedFamily } from './family-view.ts'
import { GroupReader, type GroupDraft, type GroupSlot } from './group-slot.ts'
import { atOnce, inSlices, type Steps } from './in-slices.ts'
import { Pace } from './pace.ts'
import { Layouts } from './layout.ts'
import { encodeEnd, encodeFamilyMetrics, encodeHead, familyFormats } from './page-pieces.ts'
import { resolve, type ResolvedFamily } from './resolve.ts'
import { PageParts, type RopePart } from './rope.ts'
import { ShownGroup } from './shown-group.ts'
import { sortInSteps } from './sort-in-steps.ts'

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

/** Drafts by group, null for groups that are gone. */
type Changes = ReadonlyMap<string, GroupDraft | null>

/** What the view is made of; all of it is replaced when everything is read anew. */
class Contents {
  readonly slots = new Map<string, GroupSlot>()
  readonly families = new Map<string, FamilyView>()
  readonly layouts: Layouts
  /** Families in the order of the page; undefined when one came or went. */
  order: FamilyView[] | undefined
  inconsistentGroups = 0
  samples = 0
  bytes = 0
  /** Names of families that are shown otherwise than stored. */
  resolved: readonly string[] = []

  constructor(layouts: Layouts) {
    this.layouts = layouts
  }
}

/** So many groups are looked at in one step. */
const GROUPS_A_STEP = 64

/** Pauses shorter than this are left out: a timer takes as long. */
const PAUSE_MS_MIN = 1

/** One answer of the store; it also bounds what is read in one go on the event loop. */
const PAGE_BYTES = 1024 * 1024

export class View {
  private readonly store: GroupStore
  private readonly events: ViewEvents
  private cursor: Cursor = ORIGIN
  private contents = new Contents(new Layouts())
  private syncedAt: number | undefined
  private readonly createdAt = performance.now()
  private readonly helpReported = new Set<string>()
  private running: Promise<void> | undefined
  private next: Promise<void> | undefined

  /** Metrics that the page leaves out because stored groups contradict each other. */
  leftOut = 0
  /** Of its syncs and pages, which can wait for pushes. */
  readonly pace = new Pace()

  constructor(store: GroupStore, events: ViewEvents) {
    this.store = store
    this.events = events
  }

  /** Which revision of the store the view shows. */
  get position(): Cursor {
    return this.cursor
  }

  get groupCount(): number {
    return this.contents.slots.size
  }

  get totals(): ViewTotals {
    const { slots, samples, bytes } = this.contents
    return { groups: slots.size, samples, bytes }
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

  /** All groups as they are shown now, in order of their keys. */
  groups(): ShownGroup[] {
    return this.groupsWith(({ shown }) => shown)
  }

  private groupsWith(at: (family: FamilyView) => FamilyAtOnce): ShownGroup[] {
    const { slots, families } = this.contents
    const moment = new Map([...families.values()].map((family) => [family.name, at(family)]))
    const sorted = [...slots.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    return sorted.map((slot) => new ShownGroup(slot, moment))
  }

  /** The page as `pageSteps` makes it, at once. */
  page(format: ExpositionFormat, own: readonly MetricFamily[]): RopePart[] {
    return atOnce(this.pageSteps(format, own))
  }

  /**
   * The page in order of family names, the families of the page's own process among them. An own family's head
   * stands for pushed ones of its name; one that meets another type, stored before the name was ours, gives way.
   * It is the page as of the first step, whatever the view does between later ones.
   *
   * @param own sorted by name
   */
  *pageSteps(format: ExpositionFormat, own: readonly MetricFamily[]): Steps<RopePart[]> {
    const page = new PageParts()
    const families = this.orderedFamilies().map(({ shown }) => shown)
    const formatOf = familyFormats(format, [...own, ...families])
    function* addPushed(family: FamilyAtOnce): Steps<void> {
      const familyFormat = formatOf(family)
      const metrics = yield* family.metrics(familyFormat)
      if (metrics.length === 0) return
      page.addKept(family.header(familyFormat, bytesOf(metrics)))
      for (const part of metrics) page.addKept(part)
    }
    let next = 0
    for (const family of own) {
      while (next < families.length && compareUtf8(families[next]!.name, family.name) < 0) {
        yield* addPushed(families[next++]!)
      }
      const pushed = families[next]?.name === family.name ? families[next++] : undefined
      if (pushed !== undefined && pushed.type !== family.type) {
        yield* addPushed(pushed)
        continue
      }
      const familyFormat = formatOf(family)
      const metrics = encodeFamilyMetrics(familyFormat, family)
      const kept = pushed === undefined ? [] : yield* pushed.metrics(familyFormat)
      page.addNew(encodeHead(familyFormat, family, metrics.length + bytesOf(kept)))
      page.addNew(metrics)
      for (const part of kept) page.addKept(part)
    }
    while (next < families.length) yield* addPushed(families[next++]!)
    page.addNew(encodeEnd(format))
    return page.finish()
  }

  private orderedFamilies(): FamilyView[] {
    const { contents } = this
    return (contents.order ??= [...contents.families.values()].sort((a, b) =>
      compareUtf8(a.name, b.name),
    ))
  }

  /** Collects pages until the view would equal one state of the store, then takes them all. */
  private async follow(): Promise<void> {
    let changes = new Map<string, GroupDraft | null>()
    let full = this.cursor.revision === 0
    let contents = full ? new Contents(new Layouts()) : this.contents
    let reader = new GroupReader(contents.layouts)
    let position = this.cursor
    let after = position.revision
    try {
      for (let first = true; ;) {
        const idleBefore = performance.eventLoopUtilization().idle
        const answer = await this.store.changes({ position, after, full, bytesMax: PAGE_BYTES })
        const waitedMs = performance.eventLoopUtilization().idle - idleBefore
        if (answer.kind === 'reset') {
          this.events.reset(answer.reason)
          changes = new Map<string, GroupDraft | null>()
          full = first = true
          contents = new Contents(new Layouts())
          reader = new GroupReader(contents.layouts)
          position = ORIGIN
          after = 0
          continue
        }
        await inSlices(readDrafts(answer, reader, changes), this.pace)
        if (answer.complete) {
          await this.take(contents, changes, full)
          this.cursor = answer.head
          return
        }
        // What is read from here on must be the same history as the first page.
        if (first) position = answer.head
        first = false
        after = answer.upto
        if (full) await pauseFor(waitedMs)
      }
    } finally {
      contents.layouts.prune()
    }
  }

  /** Makes all changes at one moment, at the end. */
  private async take(contents: Contents, changes: Changes, full: boolean): Promise<void> {
    const merged = await inSlices(mergeAll(contents, changes), this.pace)
    const commit = commitAll(contents, changes, merged)
    // What is not shown yet has no need to change at once.
    if (full) await inSlices(commit, this.pace)
    else atOnce(commit)
    this.contents = contents
    for (const [{ name }] of merged)
      if (!contents.families.has(name)) this.helpReported.delete(name)
    for (const [family] of merged) if (!family.isEmpty) this.compareHelp(family)
    if (changes.size > 0 || full) this.settle()
  }

  private compareHelp(family: FamilyView): void {
    const other = family.otherHelpText
    if (other === undefined || this.helpReported.has(family.name)) return
    this.helpReported.add(family.name)
    this.events.helpDiffers(family.name, family.shown.helpText, other)
  }

  /** After changes: which groups of an inconsistent store are shown. */
  private settle(): void {
    const { contents } = this
    const isConsistent = contents.inconsistentGroups === 0
    const none = new Map<GroupSlot, ResolvedFamily>()
    const { shown, leftOut } = isConsistent
      ? { shown: new Map<string, ReadonlyMap<GroupSlot, ResolvedFamily>>(), leftOut: 0 }
      : resolve(this.groupsWith(({ stored }) => stored))
    for (const name of new Set([...contents.resolved, ...shown.keys()])) {
      contents.families.get(name)?.show(shown.get(name) ?? none)
    }
    contents.resolved = [...shown.keys()]
    this.leftOut = leftOut
  }
}

function* readDrafts(
  { items }: ChangePage,
  reader: GroupReader,
  changes: Map<string, GroupDraft | null>,
): Steps<void> {
  for (const { key, group } of items) {
    const draft = group === null ? null : reader.read(group)
    changes.set(draft?.slot.id ?? key.toString('latin1'), draft)
    yield
  }
}

type Merged = readonly (readonly [family: FamilyView, merged: MergedFamily])[]

/** Works out what changes make of the families; nothing of it is shown yet. */
function* mergeAll(contents: Contents, changes: Changes): Steps<Merged> {
  const places = new Map<string, number[]>()
  const placesOf = (name: string): number[] => {
    let family = places.get(name)
    if (family === undefined) places.set(name, (family = []))
    return family
  }
  const ids = yield* sortInSteps([...changes.keys()])
  const drafts: (GroupDraft | undefined)[] = []
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    const draft = changes.get(id) ?? undefined
    drafts.push(draft)
    const before = contents.slots.get(id)?.layout
    const after = draft?.slot.layout
    if (after !== undefined) for (const name of after.names) placesOf(name).push(i)
    if (before !== undefined && before !== after) {
      for (const name of before.names) {
        if (after?.indexes.has(name) !== true) placesOf(name).push(i)
      }
    }
    if (i % GROUPS_A_STEP === 0) yield
  }
  const merged: [FamilyView, MergedFamily][] = []
  for (const [name, familyPlaces] of places) {
    const family = contents.families.get(name) ?? new FamilyView(name)
    merged.push([family, yield* family.merge({ ids, drafts }, familyPlaces)])
  }
  return merged
}

/** Makes the changes. */
function* commitAll(contents: Contents, changes: Changes, merged: Merged): Steps<void> {
  const { slots, families, layouts } = contents
  for (const [family, after] of merged) {
    family.take(after)
    if (families.has(family.name) === !family.isEmpty) continue
    if (family.isEmpty) families.delete(family.name)
    else families.set(family.name, family)
    contents.order = undefined
  }
  let count = 0
  for (const [id, draft] of changes) {
    const before = slots.get(id)
    if (draft !== null) {
      layouts.take(draft.slot.layout)
      slots.set(id, draft.slot)
      if (draft.slot.inconsistent) contents.inconsistentGroups++
      contents.samples += draft.slot.sampleCount
      contents.bytes += draft.slot.storedBytes
    } else {
      slots.delete(id)
    }
    if (before !== undefined) {
      layouts.give(before.layout)
      if (before.inconsistent) contents.inconsistentGroups--
      contents.samples -= before.sampleCount
      contents.bytes -= before.storedBytes
    }
    if (++count % GROUPS_A_STEP === 0) yield
  }
}

/**
 * Waits for a random part of the time that was waited for a page of the store. Many replicas that read everything at once
 * would otherwise leave the store no time for pushes.
 */
async function pauseFor(waitedMs: number): Promise<void> {
  const pauseMs = Math.random() * waitedMs
  if (pauseMs >= PAUSE_MS_MIN) await sleep(pauseMs)
}

function bytesOf(parts: readonly RopePart[]): number {
  return parts.reduce((total, { plain }) => total + plain.length, 0)
}
