/** What a run says at its end: one table, the verdict, and what was violated. */
import type { ChaosResult } from './chaos.ts'

const VIOLATIONS_SHOWN = 10

export function isFine({ verdict, books }: ChaosResult): boolean {
  return verdict.violations.length === 0 && books.length === 0
}

export function renderReport(result: ChaosResult): string {
  const { setting, guarantee, seconds, seed, faults, verdict, books } = result
  const { counts, violations, losses } = verdict
  const rows: [string, string | number][] = [
    ['setting', `${setting} (${guarantee})`],
    ['seconds, seed', `${seconds}, ${seed}`],
    ['faults', faultsInWords(result)],
    ['seconds of faults', faults.reduce((total, { took }) => total + took, 0).toFixed(0)],
    ['operations', counts.operations],
    ['writes acknowledged', counts.acknowledged],
    ['writes refused', counts.refused],
    ['writes answered as not stored', counts.failed],
    [
      'writes that may have been stored',
      `${counts.ambiguous}, of which seen ${counts.ambiguousSeen}`,
    ],
    ['scrapes', `${counts.scrapes}, and ${counts.failedScrapes} that failed`],
    ['revisions seen', counts.revisions],
    ['pairs compared in order', counts.inOrder],
    ['of those, pushes seen elsewhere', counts.freshElsewhere],
    ['pages compared byte by byte', counts.equalPages],
    ['groups compared', `${counts.groups}, of which changed ${counts.changedGroups}`],
    ['acknowledged and lost', losses.length],
    ['violations', violations.length],
    ['mistakes in the books', books.length],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const shown = violations
    .slice(0, VIOLATIONS_SHOWN)
    .map(({ rule, what, at }) => `  ${rule} (at ${at.toFixed(0)} ms): ${what}`)
  const more = violations.length - shown.length
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    `${'verdict'.padEnd(width)}  ${isFine(result) ? 'holds' : 'VIOLATED'}`,
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...losses
      .slice(0, VIOLATIONS_SHOWN)
      .map(({ group, value }) => `  lost: ${value} of {${group}}`),
    ...books.map((line) => `  books: ${line}`),
    '',
  ].join('\n')
}

function faultsInWords({ faults }: ChaosResult): string {
  const counts = new Map<string, number>()
  for (const { name } of faults) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${count} x ${name}`).join(', ')
}
