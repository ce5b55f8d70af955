/** What own metrics are read from, where a test does not look at them: an empty page and a store that is there. */
import type { OwnMetricsSources } from '../../server/telemetry/own-metrics.ts'

export const EMPTY_SOURCES: OwnMetricsSources = {
  leftOut: () => 0,
  helpDifferences: () => 0,
  view: () => ({ revision: 0, ageSeconds: 0, groups: 0, samples: 0, bytes: 0 }),
  store: async () => ({ up: true, revision: 0, roundTripSeconds: 0 }),
}
