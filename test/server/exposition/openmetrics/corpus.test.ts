import { describe, expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { InvalidExposition } from '../../../../server/errors.ts'
import { parseOpenMetrics } from '../../../../server/exposition/openmetrics/parse.ts'
import { plainParse } from './plain-parser.ts'
import { show } from './show.ts'

const GOOD = path.join(import.meta.dirname, 'corpus/good')
const BAD = path.join(import.meta.dirname, 'corpus/bad')

function bodiesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.txt'))
}

/** What is bad only for strict reading, or good even for it, says so: `x.strict.txt`. */
function isStrict(name: string): boolean {
  return name.includes('.strict.')
}

function parse(folder: string, name: string, strict: boolean) {
  const utf8Names = name.includes('.utf8.')
  return parseOpenMetrics(readFileSync(path.join(folder, name)), { utf8Names, strict })
}

function failureOf(name: string, strict: boolean): unknown {
  try {
    parse(BAD, name, strict)
  } catch (error) {
    return error
  }
  return undefined
}

function beside(folder: string, name: string, extension: string): string {
  return readFileSync(path.join(folder, name.replace(/\.txt$/, extension)), 'utf8')
}

describe('a good body of the corpus holds the families beside it', () => {
  test.each(bodiesIn(GOOD))('%s', (name) => {
    const { families } = parse(GOOD, name, isStrict(name))
    expect(show(families)).toBe(beside(GOOD, name, '.canonical'))
  })

  test.each(bodiesIn(GOOD).filter((name) => !isStrict(name)))('%s, but not strictly', (name) => {
    expect(() => parse(GOOD, name, true)).toThrow(InvalidExposition)
  })
})

describe('a bad body of the corpus is refused with the line and the words beside it', () => {
  test.each(bodiesIn(BAD))('%s', (name) => {
    const [, line, words] = /^(\d+): (.*)\n$/.exec(beside(BAD, name, '.error')) ?? []
    const failure = failureOf(name, isStrict(name))
    expect(failure).toBeInstanceOf(InvalidExposition)
    expect(failure).toMatchObject({ line: Number(line) })
    expect(String(failure)).toContain(words)
  })

  test.each(bodiesIn(BAD).filter(isStrict))('%s, but not leniently', (name) => {
    expect(failureOf(name, false)).toBeUndefined()
  })
})

describe('the plain parser agrees on the corpus', () => {
  const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString()).equals(bytes)

  test.each(bodiesIn(GOOD))('%s', (name) => {
    const text = readFileSync(path.join(GOOD, name), 'utf8')
    expect(plainParse(text, name.includes('.utf8.'))).toEqual({
      kind: 'families',
      ...parse(GOOD, name, false),
    })
  })

  const refused = bodiesIn(BAD).filter((name) => !isStrict(name))
  test.each(refused.filter((name) => isText(readFileSync(path.join(BAD, name)))))('%s', (name) => {
    expect(plainParse(readFileSync(path.join(BAD, name), 'utf8'), false)).toEqual({
      kind: 'refused',
      line: Number.parseInt(beside(BAD, name, '.error')),
    })
  })
})
