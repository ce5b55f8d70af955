/** The figures of a run, printed as they come and once more as a table. */

export interface Figure {
  readonly name: string
  readonly values: readonly string[]
}

export class Report {
  private readonly figures: Figure[] = []

  add(name: string, ...values: string[]): void {
    this.figures.push({ name, values })
    process.stdout.write(`${name.padEnd(72)} ${values.join('  ')}\n`)
  }

  table(): string {
    const columns = Math.max(1, ...this.figures.map(({ values }) => values.length))
    const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
    const padded = (cells: readonly string[]): string[] =>
      Array.from({ length: columns }, (_, i) => cells[i] ?? '')
    return [
      row(['figure', ...padded(['value'])]),
      row(Array.from({ length: columns + 1 }, () => '---')),
      ...this.figures.map(({ name, values }) => row([name, ...padded(values)])),
    ].join('')
  }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN
}

/** Three digits that mean something. */
export function shown(value: number, unit = ''): string {
  const text = value >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString()
  return unit === '' ? text : `${text} ${unit}`
}

/**
 * The power of n that the values grow by: 0 is flat, 1 is as much as n. Least squares over their logarithms.
 */
export function growthOf(points: readonly (readonly [n: number, value: number])[]): number {
  const logs = points.map(([n, value]) => [Math.log(n), Math.log(value)] as const)
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return covariance / variance
}
