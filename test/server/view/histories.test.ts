import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Syntax } from '../../../server/exposition/negotiate.ts'
import { parseText } from '../../../server/exposition/text/parse.ts'
import type { View } from '../../../server/view/view.ts'
import type { EscapingScheme } from '../../../server/metrics/names.ts'
import {
  createMemoryGateway,
  createTestView,
  textOf,
  type MemoryGateway,
} from './memory-gateway.ts'
import { renderNaively } from './naive-page.ts'

const SYNTAXES: readonly Syntax[] = ['text', 'openmetrics', 'protobuf']
const SCHEMES: readonly EscapingScheme[] = ['allow-utf-8', 'underscores', 'dots', 'values']

type Step =
  | { readonly kind: 'replace' | 'merge'; readonly path: string; readonly body: string }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'wipe' }
  | { readonly kind: 'look'; readonly scheme: EscapingScheme }

const path = fc.constantFrom(
  ...['job/a', 'job/b', 'job/a/instance@base64/=', 'job/a/instance/i', 'job/a/x/1', 'job/a/x/2'],
)

/** Families that meet each other: same names of different types, suffixes, series of other groups. */
const family = fc.constantFrom(
  ...[
    'm 1\n',
    'm 2\n',
    'm{x="1"} 3\nm{x="2"} 4\nm 5\n',
    'm{instance="i"} 6\n',
    '# HELP m first\nm 1\n',
    '# TYPE m counter\nm 7\n',
    '# TYPE m gauge\nm{x="1"} 8\n',
    '# TYPE m histogram\nm_bucket{le="1"} 1\nm_count 2\n',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 2\n',
    '# TYPE h histogram\nh_bucket{x="1",le="1"} 1\nh_count{x="1"} 2\nh_count{x="3"} 4\n',
    '# TYPE h summary\nh{quantile="0.5"} 1\nh_sum 2\n',
    '# TYPE h histogram\nh_count{zle="+Inf"} 2\nh_count{zle="x"} 3\n',
    '# TYPE h gaugehistogram\nh_bucket{le="1"} 1\nh_count 2\n',
    'h_sum 9\n',
    'h_bucket{le="1"} 9\n',
    '# TYPE h_count gauge\nh_count 9\n',
    '{"a.b"} 1\n',
    '{"a.b","c.d"="1"} 1\n',
    '# TYPE "a.b" histogram\n{"a.b_bucket",le="1"} 1\n{"a.b_count"} 2\n',
    '# HELP "a.b" dotted\n# TYPE "a.b" gauge\n{"a.b"} 3\n',
    'a_b 4\n',
    '{"a\u0000m"} 6\n',
    'm{z="-0"} -0\n',
    'z{v="a,\\"b{\\"c"} 5\n',
    '',
  ],
)

/** Bodies of some families, of each name once. */
const body = fc
  .uniqueArray(family, { maxLength: 3, selector: (text) => /(\w|\.)+(?=["{ ])/.exec(text)?.[0] })
  .map((families) => families.join(''))

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('replace' as const, 'merge' as const),
      path,
      body,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), path }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'wipe' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      scheme: fc.constantFrom(...SCHEMES),
    }),
  },
)
const history = fc.array(step, { minLength: 2, maxLength: 20 })

/** Bodies that no parser takes are no part of these histories. */
async function play(gateway: MemoryGateway, next: Step): Promise<void> {
  switch (next.kind) {
    case 'replace':
    case 'merge': {
      try {
        parseText(Buffer.from(next.body), { utf8Names: true, lenientNewlines: false })
      } catch {
        return
      }
      await gateway.push(next.kind, next.path, next.body)
      return
    }
    case 'delete':
      return gateway.remove(next.path)
    case 'wipe': {
      let nonces = 0
      await gateway.store.wipe(() => (nonces++).toString(16).padStart(16, '0'))
      return
    }
    case 'look': {
      const { text, leftOut } = await renderNaively(gateway.store, next.scheme)
      expect(await gateway.page(next.scheme)).toBe(text)
      expect(gateway.view.leftOut).toBe(leftOut)
      return
    }
  }
}

describe.each([
  ['where every push is checked', true],
  ['where nothing is checked', false],
])('%s', (_, checked) => {
  test('the page is the one that all groups make from scratch, after any history', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const gateway = createMemoryGateway({ checked })
        for (const next of steps) await play(gateway, next)
        for (const scheme of SCHEMES) await play(gateway, { kind: 'look', scheme })
      }),
      { numRuns: 150 },
    )
  })

  test('two views of the same state show the same bytes, however often each of them looked', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const gateway = createMemoryGateway({ checked })
        for (const next of steps) await play(gateway, next)
        await gateway.view.sync()
        const { view: late } = createTestView(gateway.store)
        await late.sync()
        expect(late.position).toEqual(gateway.view.position)
        for (const scheme of SCHEMES) {
          for (const syntax of SYNTAXES) {
            const format = { syntax, escaping: scheme }
            expect(textOf(late.page(format, []))).toBe(textOf(gateway.view.page(format, [])))
          }
        }
        expect(late.leftOut).toBe(gateway.view.leftOut)
        const idsIn = (view: View): string[] => view.groups().map(({ slot }) => slot.id)
        expect(idsIn(late)).toEqual(idsIn(gateway.view))
      }),
      { numRuns: 60 },
    )
  })
})

test('where every push is checked, the page leaves nothing out and shows no series twice', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const gateway = createMemoryGateway()
      for (const next of steps) await play(gateway, next)
      const lines = (await gateway.page()).split('\n').slice(0, -1)
      expect(gateway.view.leftOut).toBe(0)
      // A bucket that was pushed twice stands there twice, as in the original.
      const series = lines
        .filter((line) => !line.startsWith('#') && !/,le="[^"]*"\} \S+$/.test(line))
        .map((line) => line.replace(/ \S+$/, ''))
      expect(new Set(series).size).toBe(series.length)
      const types = lines.filter((line) => line.startsWith('# TYPE '))
      expect(new Set(types.map((line) => line.replace(/ \S+$/, ''))).size).toBe(types.length)
    }),
    { numRuns: 60 },
  )
})
