import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { beginsWith, Layouts } from '../../../server/view/layout.ts'

const M = { name: 'm', latin1: '# HELP m of m\n# TYPE m gauge\n' }
const N = { name: 'n', latin1: '# TYPE n counter\n' }

describe('layouts', () => {
  test('are the same for the same families', () => {
    const layouts = new Layouts()
    expect(layouts.find([M, N])).toBe(layouts.find([{ ...M }, { ...N }]))
    expect(layouts.find([M, N])).not.toBe(layouts.find([M]))
    expect(layouts.find([M, N]).headers[0]).toBe(layouts.find([M]).headers[0])
  })

  test('say what their families are', () => {
    const layout = new Layouts().find([
      M,
      { name: 'é', latin1: Buffer.from('# UNIT "é" s\n# TYPE "é" gauge\n').toString('latin1') },
    ])
    expect(layout.names).toEqual(['m', 'é'])
    expect(layout.indexes.get('é')).toBe(1)
    expect(layout.headers[0]).toMatchObject({ type: 'gauge', help: 'of m', unit: undefined })
    expect(layout.headers[1]).toMatchObject({ type: 'gauge', help: '', unit: 's' })
  })

  test('are forgotten when no group has them', () => {
    const layouts = new Layouts()
    const both = layouts.find([M, N])
    layouts.find([N])
    layouts.take(both)
    layouts.prune()
    expect(layouts.size).toBe(1)
    layouts.take(both)
    layouts.give(both)
    layouts.prune()
    expect(layouts.size).toBe(1)
    layouts.give(both)
    // Another group may take it before anybody looks.
    layouts.take(both)
    layouts.prune()
    expect(layouts.find([M, N])).toBe(both)
    layouts.give(both)
    layouts.prune()
    expect(layouts.size).toBe(0)
  })
})

test('a header is found where it lies, and nowhere else', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(text, text, fc.nat(20), (whole, header, at) => {
      const { headers } = new Layouts().find([{ name: 'm', latin1: header }])
      const bytes = new Uint8Array(Buffer.from(whole))
      const view = new DataView(bytes.buffer)
      if (at > whole.length) return
      expect(beginsWith(view, at, headers[0]!)).toBe(whole.startsWith(header, at))
    }),
    { numRuns: 1000 },
  )
})
