import { describe, expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { InvalidExposition } from '../../../../server/errors.ts'
import { parseText, type TextParseOptions } from '../../../../server/exposition/text/parse.ts'
import { renderFamily } from '../../../../server/exposition/text/render.ts'
import type { MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { plainParse } from './plain-parser.ts'

const GOOD = path.join(import.meta.dirname, 'corpus/good')
const BAD = path.join(import.meta.dirname, 'corpus/bad')

function bodiesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.txt'))
}

/** The options stand in the name: `x.utf8.txt`, `x.lenient.txt`. */
function optionsOf(name: string): TextParseOptions {
  return { utf8Names: name.includes('.utf8.'), lenientNewlines: name.includes('.lenient.') }
}

function beside(folder: string, name: string, extension: string): string {
  return readFileSync(path.join(folder, name.replace(/\.txt$/, extension)), 'utf8')
}

function render(families: readonly MetricFamily[]): string {
  return families.map(renderFamily).join('')
}

describe('a good body of the corpus has the rendering beside it, which renders to itself', () => {
  test.each(bodiesIn(GOOD))('%s', (name) => {
    const options = optionsOf(name)
    const families = parseText(readFileSync(path.join(GOOD, name)), options)
    expect(render(families)).toBe(beside(GOOD, name, '.canonical'))
    for (const family of families) {
      const text = renderFamily(family)
      expect(render(parseText(Buffer.from(text), options))).toBe(text)
    }
  })
})

describe('a bad body of the corpus is refused with the line and the words beside it', () => {
  test.each(bodiesIn(BAD))('%s', (name) => {
    const [, line, words] = /^(\d+): (.*)\n$/.exec(beside(BAD, name, '.error')) ?? []
    let failure: unknown
    try {
      parseText(readFileSync(path.join(BAD, name)), optionsOf(name))
    } catch (error) {
      failure = error
    }
    expect(failure).toBeInstanceOf(InvalidExposition)
    expect(failure).toMatchObject({ line: Number(line) })
    expect(String(failure)).toContain(words)
  })
})

describe('the plain parser agrees on the corpus', () => {
  const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString()).equals(bytes)
  const strict = (name: string): boolean => !optionsOf(name).lenientNewlines

  test.each(bodiesIn(GOOD).filter(strict))('%s', (name) => {
    const body = readFileSync(path.join(GOOD, name))
    const { utf8Names } = optionsOf(name)
    expect(plainParse(body.toString(), utf8Names)).toEqual({
      kind: 'families',
      families: parseText(body, optionsOf(name)),
    })
  })

  test.each(bodiesIn(BAD).filter((name) => isText(readFileSync(path.join(BAD, name)))))(
    '%s',
    (name) => {
      const text = readFileSync(path.join(BAD, name), 'utf8')
      expect(plainParse(text, false)).toEqual({
        kind: 'refused',
        line: Number.parseInt(beside(BAD, name, '.error')),
      })
    },
  )
})
