/** Random grouping labels. */
import fc from 'fast-check'
import type { Label } from '../../../server/metrics/metric-family.ts'

/** Any Unicode, with what URLs, base64 and the key's form give a meaning in good supply. */
export const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...['/', '.', '%', '+', ' ', '=', '-', '_', '@', '?', '#', '~', ':', 'U', '2']),
    fc.constantFrom(...['\u0000', '\u0001', '\u0080', '\n', '"', '\\', 'é', '\uffff', '🚀']),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 8,
})

export const labelName = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,6}$/)

/** Grouping labels, `job` among them, in any order. */
export function groupingLabels(names: fc.Arbitrary<string>): fc.Arbitrary<Label[]> {
  const job = fc.record({ name: fc.constant('job'), value: anyText.filter((text) => text !== '') })
  const others = fc.uniqueArray(
    fc.record({
      name: names.filter((name) => name !== 'job' && name !== '' && !name.startsWith('__')),
      value: fc.oneof(anyText, fc.constantFrom('', 'x', '1')),
    }),
    { maxLength: 4, selector: ({ name }) => name },
  )
  return fc
    .tuple(job, others)
    .chain(([first, rest]) => fc.shuffledSubarray([first, ...rest], { minLength: rest.length + 1 }))
}
