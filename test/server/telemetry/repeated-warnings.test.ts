import { expect, test } from '@jest/globals'
import { RepeatedWarnings } from '../../../server/telemetry/repeated-warnings.ts'
import type { LogFields } from '../../../server/telemetry/logger.ts'

interface Warned {
  readonly warnings: RepeatedWarnings
  readonly logged: readonly (readonly [message: string, fields: LogFields | undefined])[]
  /** Lets time pass. */
  readonly pass: (seconds: number) => void
}

function createWarned(): Warned {
  const logged: [string, LogFields | undefined][] = []
  const ignore = (): void => undefined
  let now = 1000
  const warn = (message: string, fields?: LogFields): void => void logged.push([message, fields])
  const logger = { debug: ignore, info: ignore, warn, error: ignore }
  return {
    warnings: new RepeatedWarnings(logger, () => now),
    logged,
    pass: (seconds) => (now += seconds * 1000),
  }
}

test('the same warning is logged once a minute, with how often it came in between', () => {
  const { warnings, logged, pass } = createWarned()
  for (let i = 0; i < 121; i++) {
    warnings.warn('lost', { reason: 'x' })
    pass(1)
  }
  expect(logged).toEqual([
    ['lost', { reason: 'x', repeated: undefined }],
    ['lost', { reason: 'x', repeated: 59 }],
    ['lost', { reason: 'x', repeated: 59 }],
  ])
})

test('warnings that differ in a field are different ones', () => {
  const { warnings, logged } = createWarned()
  for (const reason of ['x', 'y', 'x', 'y']) warnings.warn('lost', { reason })
  expect(logged.map(([, fields]) => fields?.reason)).toEqual(['x', 'y'])
})

test('of very many different warnings the oldest are forgotten', () => {
  const { warnings, logged } = createWarned()
  for (let i = 0; i < 1000; i++) warnings.warn('lost', { reason: String(i) })
  warnings.warn('lost', { reason: '999' })
  warnings.warn('lost', { reason: '0' })
  expect(logged).toHaveLength(1001)
})
