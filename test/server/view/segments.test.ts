import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import zlib from 'node:zlib'
import type { Syntax } from '../../../server/exposition/negotiate.ts'
import { joinGzip } from '../../../server/view/rope.ts'
import type { View } from '../../../server/view/view.ts'
import { createMemoryGateway, createTestView } from './memory-gateway.ts'

/** Few groups of these make up a segment, so that segments come, are cut, joined and go. */
const BODIES = [
  '',
  'm 1\n',
  `m{pad="${'x'.repeat(9_000)}"} 2\n`,
  `m{pad="${'y'.repeat(40_000)}"} 3\n`,
  `# HELP m one\nm{pad="${'z'.repeat(150_000)}"} 4\n`,
  `# TYPE m untyped\nm{"p.d"="${'.'.repeat(5_000)}"} 5\nn 1\n`,
  `# HELP m other\nm{pad="${'x'.repeat(20_000)}"} 6\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 2\n`,
] as const

const step = fc.record({
  group: fc.nat(15),
  body: fc.option(fc.constantFrom(...BODIES), { freq: 4 }),
  look: fc.option(fc.constantFrom<Syntax>('text', 'openmetrics', 'protobuf'), { freq: 1 }),
})

function pageOf(view: View, syntax: Syntax): Buffer {
  return Buffer.concat(view.page({ syntax, escaping: 'underscores' }, []).map(({ plain }) => plain))
}

describe('however groups came and went', () => {
  test('the page equals one made from nothing, in every format, and unzips to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const gateway = createMemoryGateway()
        for (const { group, body, look } of steps) {
          if (body === null) await gateway.remove(`job/j${group}`)
          else await gateway.put(`job/j${group}`, body)
          if (look === null) continue
          await gateway.view.sync()
          pageOf(gateway.view, look)
        }
        await gateway.view.sync()
        const { view: fresh } = createTestView(gateway.store)
        await fresh.sync()
        for (const syntax of ['text', 'openmetrics', 'protobuf'] as const) {
          const page = pageOf(gateway.view, syntax)
          expect(page.equals(pageOf(fresh, syntax))).toBe(true)
          const parts = gateway.view.page({ syntax, escaping: 'underscores' }, [])
          expect(zlib.gunzipSync(Buffer.concat(joinGzip(parts).parts)).equals(page)).toBe(true)
        }
      }),
      { numRuns: 40 },
    )
  })
})

test('a page that is being made stays that of its moment', async () => {
  const gateway = createMemoryGateway()
  await gateway.put('job/a', 'm 1\nn 1\n')
  await gateway.put('job/b', 'm 2\n')
  await gateway.view.sync()
  const format = { syntax: 'protobuf', escaping: 'underscores' } as const
  const expected = Buffer.concat(gateway.view.page(format, []).map(({ plain }) => plain))
  const { view: other } = createTestView(gateway.store)
  await other.sync()
  const steps = other.pageSteps(format, [])
  steps.next()
  await gateway.put('job/a', 'o 5\n')
  await gateway.remove('job/b')
  await other.sync()
  for (;;) {
    const { done, value } = steps.next()
    if (done !== true) continue
    expect(Buffer.concat(value.map(({ plain }) => plain)).equals(expected)).toBe(true)
    break
  }
})

test('pushes are taken while a large sync is under way', async () => {
  const gateway = createMemoryGateway()
  for (let i = 0; i < 3000; i++) await gateway.put(`job/j${i}`, 'm 1\nn 2\no 3\n')
  let pushed = 0
  let isOver = false
  const sync = gateway.view.sync().then(() => (isOver = true))
  while (!isOver) {
    await gateway.put('job/other', `m ${pushed++}\n`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await sync
  expect(pushed).toBeGreaterThan(2)
  expect(gateway.view.groupCount).toBeGreaterThanOrEqual(3000)
})
