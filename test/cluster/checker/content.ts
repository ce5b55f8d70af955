/** What a group holds, and what a write makes of it. */
import type { Content, Write } from '../history.ts'

/** What a group holds after a write. */
export function apply(content: Content, { kind, families, value }: Write): Content {
  if (kind === 'delete') return new Map()
  const brought = families.map((family) => [family, value] as const)
  return new Map(kind === 'replace' ? brought : [...content, ...brought])
}

/** One text for equal contents. */
export function keyOf(content: Content): string {
  return [...content]
    .map(([family, value]) => `${family}=${value}`)
    .sort()
    .join(' ')
}

export function isEqual(a: Content, b: Content): boolean {
  if (a.size !== b.size) return false
  for (const [family, value] of a) if (b.get(family) !== value) return false
  return true
}
