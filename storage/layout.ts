/**
 * What all groups of a fleet have in common: names, shapes and claims of their families, as one object that the groups
 * share. The id is the digest of how it reads, so it never means anything else.
 */
import { hash } from 'node:crypto'
import type { Claim, FamilyDescription } from './group-store.ts'
import { countSamples } from './merge-families.ts'

export interface Layout {
  readonly id: string
  /** Sorted by name. */
  readonly families: readonly FamilyDescription[]
  readonly sampleCount: number
}

type Entry = [name: string, samples: number, shape: string, ...claims: string[]]

/** The id of the layout that reads so. */
export function layoutId(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}

export function layoutText(families: readonly FamilyDescription[]): string {
  const entries = families.map(({ name, sampleCount, shape, claims }): Entry => {
    return [name, sampleCount, shape, ...claims.flat()]
  })
  return JSON.stringify(entries)
}

/** The layout that reads so: what layoutText gave for it. */
export function parseLayout(id: string, text: string): Layout {
  const families = (JSON.parse(text) as Entry[]).map(([name, sampleCount, shape, ...flat]) => {
    const claims: Claim[] = []
    for (let i = 0; i < flat.length; i += 2) claims.push([flat[i]!, flat[i + 1]!])
    return { name, sampleCount, shape, claims }
  })
  return { id, families, sampleCount: countSamples(families) }
}

/** True when these families, in this order, have the layout. */
export function hasLayout(families: readonly FamilyDescription[], layout: Layout): boolean {
  const expected = layout.families
  if (families.length !== expected.length) return false
  for (let i = 0; i < expected.length; i++) {
    const a = families[i]!
    const b = expected[i]!
    if (a.name !== b.name || a.shape !== b.shape || a.sampleCount !== b.sampleCount) return false
    if (a.claims !== b.claims && !sameClaims(a.claims, b.claims)) return false
  }
  return true
}

function sameClaims(a: readonly Claim[], b: readonly Claim[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i]![0] !== b[i]![0] || a[i]![1] !== b[i]![1]) return false
  }
  return true
}

/** More than a store has of them, unless each group has its own. */
const KNOWN_MAX = 4096

/** The layouts that this process has met, so that groups with the same one share it. */
export class KnownLayouts {
  private readonly known = new Map<string, Layout>()
  /** The one that was asked for last: of a fleet that is new, all groups have it. */
  private recent: Layout | undefined

  get(id: string): Layout | undefined {
    return this.known.get(id)
  }

  add(layout: Layout): Layout {
    if (this.known.size >= KNOWN_MAX) this.known.clear()
    this.known.set(layout.id, layout)
    return layout
  }

  /** The layout of families that are sorted by name. */
  of(families: readonly FamilyDescription[]): Layout {
    if (this.recent !== undefined && hasLayout(families, this.recent)) return this.recent
    const text = layoutText(families)
    const id = layoutId(text)
    // Parsed anew: parts of the strings of a push would keep all of its body in memory.
    this.recent = this.get(id) ?? this.add(parseLayout(id, text))
    return this.recent
  }
}
