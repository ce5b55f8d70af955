/** What the clients of a run make of a page. */
import { describe, expect, test } from '@jest/globals'
import { PageReader } from './observed-page.ts'

const TIMES = `# TYPE push_failure_time_seconds gauge
push_failure_time_seconds{instance="a",job="j"} 0
# TYPE push_time_seconds gauge
push_time_seconds{instance="a",job="j"} 1.5e+09
`

const PAGE = `# TYPE m gauge
m{instance="a",job="j",part="0"} 7
m{instance="a",job="j",part="1"} 7
${TIMES}`

function read(text: string): {
  groups: Record<string, Record<string, string>>
  problems: string[]
} {
  const { groups, problems } = new PageReader().read(Buffer.from(text))
  return {
    groups: Object.fromEntries(
      [...groups].map(([group, content]) => [group, Object.fromEntries(content)]),
    ),
    problems: [...problems],
  }
}

test('a page says which push each family of a group is from', () => {
  expect(read(PAGE)).toEqual({ groups: { 'instance="a",job="j"': { m: '7' } }, problems: [] })
})

test('a page of nothing is the page of an empty store', () => {
  expect(read('')).toEqual({ groups: {}, problems: [] })
})

test('equal pages have equal digests, others have others', () => {
  const reader = new PageReader()
  const digestOf = (text: string): string => reader.read(Buffer.from(text)).digest
  expect(digestOf(PAGE)).toBe(digestOf(PAGE))
  expect(digestOf(PAGE)).not.toBe(digestOf(PAGE.replace('m{', 'n{')))
})

test('a group that only ever failed holds nothing', () => {
  expect(read(TIMES.replace('1.5e+09', '0'))).toEqual({ groups: {}, problems: [] })
})

describe('a page is wrong', () => {
  test.each([
    ['with one of two series of a family', PAGE.replace(/.*part="1".*\n/, ''), /1 of 2 series/],
    ['with values of two pushes', PAGE.replace('"1"} 7', '"1"} 8'), /two pushes, 7 and 8/],
    ['with a series of no group', PAGE.replaceAll(',job="j"', ''), /of no group/],
    ['with a series that no client pushes', PAGE.replaceAll('part', 'other'), /nobody pushed/],
    ['with a series twice', PAGE.replace('part="1"', 'part="0"'), /there already/],
    ['with a family twice', `${PAGE}${PAGE.split('\n').slice(0, 3).join('\n')}\n`, /there already/],
    ['without push times', PAGE.replace(TIMES, ''), /no push time/],
    ['with a push time alone', TIMES, /no series/],
    ['when it is cut off', PAGE.slice(0, -1), /end with a line feed/],
  ])('%s', (_title, text, problem) => {
    expect(read(text).problems.join('\n')).toMatch(problem)
  })
})
