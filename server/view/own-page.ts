/** The page of families that no group brought: what the process says of itself, without what was pushed. */
import type { ExpositionFormat } from '../exposition/negotiate.ts'
import type { MetricFamily } from '../metrics/metric-family.ts'
import { encodeEnd, encodeFamilyMetrics, encodeHead, familyFormats } from './page-pieces.ts'
import { RopePart } from './rope.ts'

/** @param own sorted by name */
export function ownPage(format: ExpositionFormat, own: readonly MetricFamily[]): RopePart[] {
  const formatOf = familyFormats(format, own)
  const pieces = own.flatMap((family) => {
    const familyFormat = formatOf(family)
    const metrics = encodeFamilyMetrics(familyFormat, family)
    return [encodeHead(familyFormat, family, metrics.length), metrics]
  })
  return [new RopePart(Buffer.concat([...pieces, encodeEnd(format)]))]
}
