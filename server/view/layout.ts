/**
 * What groups of one fleet have in common: the names of their families and what stands before the samples of each.
 * A fleet has thousands of groups and few layouts, so each is kept once, and a group says which one is its own.
 */
import {
  storedHeaderLength,
  storedHelpText,
  storedType,
  storedUnit,
} from '../exposition/stored-family.ts'
import type { MetricType } from '../metrics/metric-family.ts'

/** The lines before the samples of a family. */
export interface Header {
  /** As stored, a character a byte. */
  readonly latin1: string
  /** The same as little endian numbers of four bytes, and what is left as bytes. */
  readonly words: readonly number[]
  readonly rest: readonly number[]
  readonly type: MetricType
  /** As the text format escapes it; '' when there is none. */
  readonly help: string
  readonly unit: string | undefined
}

export interface Layout {
  /** Family names of the group, sorted. */
  readonly names: readonly string[]
  readonly indexes: ReadonlyMap<string, number>
  /** Of the families in that order. */
  readonly headers: readonly Header[]
}

/** A name and what the family says before its samples. */
export interface NamedHeader {
  readonly name: string
  readonly latin1: string
}

interface Kept {
  readonly id: string
  readonly layout: Layout
  users: number
}

/** Keeps each layout once, until `prune` when no group has it. */
export class Layouts {
  private readonly byId = new Map<string, Kept>()
  private readonly byLayout = new Map<Layout, Kept>()
  /** Found and not taken yet, or given by all. */
  private readonly unused = new Set<Kept>()
  private readonly headers = new Map<string, { readonly header: Header; layouts: number }>()

  /** The layout of these families; it stays when a group takes it before the next `prune`. */
  find(families: readonly NamedHeader[]): Layout {
    const id = JSON.stringify(families.map(({ name, latin1 }) => [name, latin1]))
    let kept = this.byId.get(id)
    if (kept === undefined) {
      const names = families.map(({ name }) => name)
      const layout = {
        names,
        indexes: new Map(names.map((name, index) => [name, index])),
        headers: families.map((family) => this.headerOf(family)),
      }
      kept = { id, layout, users: 0 }
      this.byId.set(id, kept)
      this.byLayout.set(layout, kept)
      this.unused.add(kept)
    }
    return kept.layout
  }

  /** One user more. */
  take(layout: Layout): void {
    const kept = this.byLayout.get(layout)!
    if (kept.users++ === 0) this.unused.delete(kept)
  }

  /** One user less. */
  give(layout: Layout): void {
    const kept = this.byLayout.get(layout)!
    if (--kept.users === 0) this.unused.add(kept)
  }

  /** Forgets layouts that no group has. */
  prune(): void {
    for (const kept of this.unused) this.drop(kept)
    this.unused.clear()
  }

  get size(): number {
    return this.byId.size
  }

  private drop({ id, layout }: Kept): void {
    this.byId.delete(id)
    this.byLayout.delete(layout)
    for (const [i, { latin1 }] of layout.headers.entries()) {
      const headerId = idOf({ name: layout.names[i]!, latin1 })
      const entry = this.headers.get(headerId)!
      if (--entry.layouts === 0) this.headers.delete(headerId)
    }
  }

  private headerOf(family: NamedHeader): Header {
    const id = idOf(family)
    let entry = this.headers.get(id)
    if (entry === undefined) {
      const text = Buffer.from(family.latin1, 'latin1').toString()
      const header = {
        latin1: family.latin1,
        ...wordsOf(Buffer.from(family.latin1, 'latin1')),
        type: storedType(text),
        help: storedHelpText(text, family.name),
        unit: storedUnit(text, family.name),
      }
      entry = { header, layouts: 0 }
      this.headers.set(id, entry)
    }
    entry.layouts++
    return entry.header
  }
}

/** The header of a stored family, a character a byte. */
export function headerIn(text: Buffer): string {
  return text.toString('latin1', 0, storedHeaderLength(text))
}

function wordsOf(bytes: Buffer): Pick<Header, 'words' | 'rest'> {
  const words: number[] = []
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) words.push(bytes.readInt32LE(at))
  return { words, rest: [...bytes.subarray(at)] }
}

/**
 * True when the header lies at a place, as it does for nearly every family of a fleet. Compared as strings, headers were
 * a third of the time that reading a group of ten families takes.
 */
export function beginsWith(view: DataView, start: number, { words, rest }: Header): boolean {
  let at = start
  if (at + 4 * words.length + rest.length > view.byteLength) return false
  for (let i = 0; i < words.length; i++, at += 4) {
    if (view.getInt32(at, true) !== words[i]) return false
  }
  for (let i = 0; i < rest.length; i++) if (view.getUint8(at + i) !== rest[i]) return false
  return true
}

function idOf({ name, latin1 }: NamedHeader): string {
  return `${latin1}${name}`
}
