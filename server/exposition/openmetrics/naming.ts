/** How a family is declared in OpenMetrics, whose rules for names must not rename any series. */
import type { MetricType } from '../../metrics/metric-family.ts'

export interface OpenMetricsShape {
  /** What HELP, TYPE and UNIT call the family. */
  readonly familyName: string
  readonly type: 'counter' | 'gauge' | 'unknown' | 'summary' | 'histogram'
  /** Whether samples of this type may carry exemplars. */
  readonly exemplars: boolean
  /** Whether `_created` lines can be written; never for types that have none. */
  readonly created: boolean
}

const TOTAL = '_total'

/**
 * A counter `x_total` is the counter `x` of OpenMetrics, if that name is free; every other counter is `unknown`. A
 * gauge histogram is declared a histogram, since OpenMetrics would call its `_count` a `_gcount`.
 *
 * @param name the family's name in the text format, escaped
 * @param isTaken whether a name is that of a family or sample on the same page
 */
export function openMetricsShape(
  name: string,
  type: MetricType,
  isTaken: (name: string) => boolean,
): OpenMetricsShape {
  switch (type) {
    case 'counter': {
      const base = name.endsWith(TOTAL) ? name.slice(0, -TOTAL.length) : ''
      if (base === '' || isTaken(base)) break
      const created = hasRoomForCreated(base, isTaken)
      return { familyName: base, type: 'counter', exemplars: true, created }
    }
    case 'gauge':
      return { familyName: name, type, exemplars: false, created: false }
    case 'summary':
      return { familyName: name, type, exemplars: false, created: hasRoomForCreated(name, isTaken) }
    case 'histogram':
    case 'gaugehistogram': {
      const created = type === 'histogram' && hasRoomForCreated(name, isTaken)
      return { familyName: name, type: 'histogram', exemplars: true, created }
    }
    case 'untyped':
  }
  return { familyName: name, type: 'unknown', exemplars: false, created: false }
}

/** False also where the counter `x_created_total` may be declared as `x_created`. */
function hasRoomForCreated(base: string, isTaken: (name: string) => boolean): boolean {
  return !isTaken(`${base}_created`) && !isTaken(`${base}_created${TOTAL}`)
}
