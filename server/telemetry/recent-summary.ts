/**
 * A summary by one label whose quantiles are those of a random sample of the last five to ten minutes. To be registered
 * with prom-client, whose own summaries keep digests: 5.4 us for each push, and many objects that live for minutes
 * (test/bench/README.md).
 */
import type { Metric, Registry } from 'prom-client'

/** The older of two samples is dropped so often. */
const PERIOD_MS = 300_000
const SAMPLE_SIZE = 512

export interface RecentSummaryOptions {
  readonly name: string
  readonly help: string
  readonly labelName: string
  readonly quantiles: readonly number[]
  /** Milliseconds on a clock that only goes on. */
  readonly now?: () => number
}

export class RecentSummary {
  readonly name: string
  readonly help: string
  readonly type = 'summary'
  readonly aggregator = 'sum'
  private readonly options: RecentSummaryOptions
  private readonly now: () => number
  private readonly byLabel = new Map<string, Recent>()

  constructor(options: RecentSummaryOptions) {
    this.options = options
    this.name = options.name
    this.help = options.help
    this.now = options.now ?? (() => performance.now())
  }

  registerIn(registry: Registry): this {
    // What a registry asks of a metric is its name and what it holds.
    registry.registerMetric(this as unknown as Metric)
    return this
  }

  observe(label: string, value: number): void {
    let recent = this.byLabel.get(label)
    if (recent === undefined) this.byLabel.set(label, (recent = new Recent(this.now())))
    recent.add(value, this.now())
  }

  /** For the registry. */
  get() {
    const { name, labelName, quantiles } = this.options
    const values = [...this.byLabel].flatMap(([label, recent]) => {
      const labels = { [labelName]: label }
      const sorted = recent.sorted(this.now())
      return [
        ...quantiles.map((quantile) => ({
          labels: { quantile, ...labels },
          value: quantileOf(sorted, quantile),
        })),
        { metricName: `${name}_sum`, labels, value: recent.sum },
        { metricName: `${name}_count`, labels, value: recent.count },
      ]
    })
    const { help, type, aggregator } = this
    return Promise.resolve({ name, help, type, values, aggregator })
  }
}

/** All observations with one label: their count and sum since the start, and samples of two periods. */
class Recent {
  count = 0
  sum = 0
  private startedAt: number
  private current = new Sample()
  private before = new Sample()

  constructor(now: number) {
    this.startedAt = now
  }

  add(value: number, now: number): void {
    this.turn(now)
    this.count++
    this.sum += value
    this.current.add(value)
  }

  /** The sampled values with how many observations each stands for, in order. */
  sorted(now: number): (readonly [value: number, weight: number])[] {
    this.turn(now)
    return [...this.before.weighted(), ...this.current.weighted()].sort(([a], [b]) => a - b)
  }

  private turn(now: number): void {
    const periods = Math.floor((now - this.startedAt) / PERIOD_MS)
    if (periods === 0) return
    this.startedAt += periods * PERIOD_MS
    const { before, current } = this
    before.clear()
    this.before = periods === 1 ? current : before
    this.current = periods === 1 ? before : current
    if (periods > 1) current.clear()
  }
}

/** So many of any number of values, each as likely as the others. */
class Sample {
  private readonly values = new Float64Array(SAMPLE_SIZE)
  private seen = 0

  add(value: number): void {
    const place = this.seen < SAMPLE_SIZE ? this.seen : Math.floor(Math.random() * (this.seen + 1))
    if (place < SAMPLE_SIZE) this.values[place] = value
    this.seen++
  }

  clear(): void {
    this.seen = 0
  }

  weighted(): (readonly [number, number])[] {
    const size = Math.min(this.seen, SAMPLE_SIZE)
    return Array.from(this.values.subarray(0, size), (value) => [value, this.seen / size] as const)
  }
}

/** NaN of nothing, as in the original. */
function quantileOf(sorted: readonly (readonly [number, number])[], quantile: number): number {
  const total = sorted.reduce((sum, [, weight]) => sum + weight, 0)
  let passed = 0
  for (const [value, weight] of sorted) {
    passed += weight
    if (passed >= quantile * total) return value
  }
  return sorted.at(-1)?.[0] ?? NaN
}
