/**
 * What all groups of a fleet have in common: names, shapes and claims of their families. A row of `layouts`, and one
 * object in this process that its groups share. The id is the digest of the text, so it never means anything else.
 */
import { hash } from 'node:crypto'
import type { Claim, FamilyDescription } from '../group-store.ts'
import { countSamples } from '../merge-families.ts'
import { DamagedRow } from './errors.ts'

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

/** @throws DamagedRow when the text is not that of the id */
export function parseLayout(id: string, text: string): Layout {
  if (layoutId(text) !== id)
    throw new DamagedRow(`the layout ${id} does not read as it was written`)
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
    const [a, b] = [families[i]!, expected[i]!]
    if (a.name !== b.name || a.shape !== b.shape || a.sampleCount !== b.sampleCount) return false
    if (a.claims !== b.claims && !sameClaims(a.claims, b.claims)) return false
  }
  return true
}

function sameClaims(a: readonly Claim[], b: readonly Claim[]): boolean {
  return (
    a.length === b.length &&
    a.every(([name, meaning], i) => name === b[i]![0] && meaning === b[i]![1])
  )
}
