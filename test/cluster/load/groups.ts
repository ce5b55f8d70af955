/** The groups that the clients of a run push to: some are a client's own, some are everybody's. */
import type { Random } from '../../storage/random.ts'
import type { WriteKind } from '../history.ts'
import { PART_LABEL, PARTS } from './observed-page.ts'

export interface LoadGroup {
  readonly path: string
  /** As the page shows them. */
  readonly labels: string
}

/** What a client is about to ask for. */
export interface Plan {
  readonly group: LoadGroup
  readonly kind: WriteKind
  readonly families: readonly string[]
  /** What makes it one that must be refused. */
  readonly flaw?: 'timestamps' | 'syntax'
}

const FAMILIES = { chaos_a: 'gauge', chaos_b: 'counter', chaos_c: 'untyped', chaos_d: 'gauge' }
const NAMES = Object.keys(FAMILIES)

const SHARED: readonly LoadGroup[] = ['s1', 's2', 's3'].map((instance) => ({
  path: `/metrics/job/shared/instance/${instance}`,
  labels: `instance="${instance}",job="shared"`,
}))

const MERGED: LoadGroup = { path: '/metrics/job/merged', labels: 'instance="",job="merged"' }

/** Their keys have different label names, so the store has to compare them. */
const MIXED: readonly LoadGroup[] = [
  { path: '/metrics/job/mixed', labels: 'instance="",job="mixed"' },
  { path: '/metrics/job/mixed/zone/z1', labels: 'instance="",job="mixed",zone="z1"' },
  { path: '/metrics/job/mixed/instance/i1', labels: 'instance="i1",job="mixed"' },
]

/** What the client of this name does next. */
export function planWrite(client: string, random: Random): Plan {
  const place = random.below(100)
  if (place < 20) return { ...changeOf([client], 20, random), group: MERGED }
  const group =
    place < 60
      ? { path: `/metrics/job/own/instance/${client}`, labels: `instance="${client}",job="own"` }
      : random.pick(place < 85 ? SHARED : MIXED)
  const plan = changeOf(NAMES, 7, random)
  if (plan.kind === 'delete' || !random.chance(0.03)) return { ...plan, group }
  return { ...plan, group, flaw: random.pick(['timestamps', 'syntax'] as const) }
}

/** @param rarity one in so many is a delete */
function changeOf(
  names: readonly string[],
  rarity: number,
  random: Random,
): Pick<Plan, 'kind' | 'families'> {
  if (random.below(rarity) === 0) return { kind: 'delete', families: [] }
  const isMerge = names.length === 1 || random.chance(0.5)
  const chosen = names.filter(() => random.chance(isMerge ? 0.4 : 0.7))
  return {
    kind: isMerge ? 'merge' : 'replace',
    families: chosen.length > 0 ? chosen : [random.pick(names)],
  }
}

/** Every series of a push has its value. */
export function bodyOf({ families, flaw }: Plan, value: string): string {
  const lines = families.flatMap((family) => [
    ...(family in FAMILIES
      ? [`# TYPE ${family} ${FAMILIES[family as keyof typeof FAMILIES]}`]
      : []),
    ...Array.from({ length: PARTS }, (_, part) => {
      return `${family}{${PART_LABEL}="${part}"} ${value}${flaw === 'timestamps' ? ' 1000' : ''}`
    }),
  ])
  return `${lines.join('\n')}\n${flaw === 'syntax' ? 'chaos_a{ 1\n' : ''}`
}
