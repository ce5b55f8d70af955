/**
 * Whole bodies. Those in .hex are bytes with comments, those in .json the fields of messages, which another
 * implementation encodes.
 */
import { describe, expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { SluiceError } from '../../../../server/errors.ts'
import { parseProtobuf } from '../../../../server/exposition/protobuf/decode.ts'
import { encodeFamily, encodeLength } from '../../../../server/exposition/protobuf/encode.ts'
import { renderFamily } from '../../../../server/exposition/text/render.ts'
import type { Metric, MetricFamily } from '../../../../server/metrics/metric-family.ts'
import { encodeByOracle, type Fields } from './oracle.ts'

const GOOD = path.join(import.meta.dirname, 'corpus/good')
const BAD = path.join(import.meta.dirname, 'corpus/bad')

function bodiesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => /\.(hex|json)$/.test(name))
}

function bodyOf(file: string): Buffer {
  const content = readFileSync(file, 'utf8')
  if (file.endsWith('.json')) return encodeByOracle(JSON.parse(content) as Fields[])
  const digits = content.replace(/#.*/g, '').replace(/\s/g, '')
  expect(digits).toMatch(/^([0-9a-f]{2})+$/)
  return Buffer.from(digits, 'hex')
}

function beside(folder: string, name: string, extension: string): string {
  return readFileSync(path.join(folder, name.replace(/\.\w+$/, extension)), 'utf8')
}

/** The option stands in the name: `x.utf8.json`. */
function parse(folder: string, name: string): MetricFamily[] {
  return parseProtobuf(bodyOf(path.join(folder, name)), { utf8Names: name.includes('.utf8.') })
}

/** As text, and then a line of JSON for each metric of which text does not say all. */
function show(family: MetricFamily): string {
  const unit = family.unit === undefined ? '' : `# unit: ${family.unit}\n`
  const rests = family.metrics.map(beyondText).filter((rest) => rest !== '{}')
  return renderFamily(family) + unit + rests.map((rest) => `# ${rest}\n`).join('')
}

function beyondText(metric: Metric): string {
  const exemplars =
    'buckets' in metric ? metric.buckets.flatMap(({ exemplar }) => exemplar ?? []) : []
  const rest: Record<string, unknown> = { ...metric }
  for (const name of ['labels', 'value', 'quantiles', 'buckets', 'sum', 'count']) delete rest[name]
  return JSON.stringify(exemplars.length === 0 ? rest : { ...rest, exemplars })
}

describe('a good body of the corpus says what stands beside it, also when it is encoded again', () => {
  test.each(bodiesIn(GOOD))('%s', (name) => {
    const families = parse(GOOD, name)
    expect(families.map(show).join('')).toBe(beside(GOOD, name, '.canonical'))
    const messages = families.map(encodeFamily)
    const again = messages.flatMap((message) => [encodeLength(message.length), message])
    expect(parseProtobuf(Buffer.concat(again), { utf8Names: true })).toEqual(families)
  })
})

test('what the original writes is what is written here, byte for byte', () => {
  const body = bodyOf(path.join(GOOD, 'pushgateway-page.hex'))
  const messages = parseProtobuf(body, { utf8Names: false }).map(encodeFamily)
  const again = messages.flatMap((message) => [encodeLength(message.length), message])
  expect(Buffer.concat(again).toString('hex')).toBe(body.toString('hex'))
})

describe('a bad body of the corpus is refused with the words beside it', () => {
  test.each(bodiesIn(BAD))('%s', (name) => {
    let failure: unknown
    try {
      parse(BAD, name)
    } catch (error) {
      failure = error
    }
    expect(failure).toBeInstanceOf(SluiceError)
    expect((failure as SluiceError).message).toContain(
      `protobuf parsing error in ${beside(BAD, name, '.error').trimEnd()}`,
    )
  })
})
