/** Decompression: of snappy by itself, and of whole bodies by what their header says. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import zlib from 'node:zlib'
import { compress } from 'snappyjs'
import { BodyBudget } from '../../../server/http/bodies/body-budget.ts'
import { readBody } from '../../../server/http/bodies/body.ts'
import { readSnappyFrames } from '../../../server/http/bodies/encodings/snappy.ts'
import { COMPRESSIONS, compressInOrder } from '../../support/encodings.ts'
import {
  BLOCK_BYTES,
  chunk,
  dataChunk,
  IDENTIFIER,
  snappySync,
  uncompressedChunk,
} from '../../support/snappy.ts'
import { TEXT_BODIES } from '../seeds.ts'
import {
  ACCEPTED,
  Finding,
  isPlainError,
  isSluiceError,
  optionsBefore,
  outcomeOf,
  refused,
  withOptions,
  type Outcome,
  type Target,
} from '../target.ts'
import { SNAPPY_TOKENS } from '../tokens.ts'
import { plainUncompress } from './plain-snappy.ts'

/** First byte: even for a whole stream, odd for a single block, which gets the frame and checksum it needs. */
export function snappyTarget(): Target {
  const contents = [...TEXT_BODIES, Buffer.alloc(70_000, 'abc'), Buffer.alloc(0)]
  const parts = [chunk(0xfe, Buffer.alloc(9)), uncompressedChunk(TEXT_BODIES[0]!), IDENTIFIER]
  return {
    name: 'snappy',
    seeds: [
      ...optionsBefore([0], [...contents.map(snappySync), Buffer.concat([IDENTIFIER, ...parts])]),
      ...optionsBefore([1], contents.filter(({ length }) => length < BLOCK_BYTES).map(compress)),
    ],
    tokens: SNAPPY_TOKENS,
    executionsASecond: 6000,
    run: (input) => {
      const { bit, rest } = withOptions(input)
      return bit(0) ? runBlock(rest) : runStream(rest)
    },
  }
}

function runStream(stream: Buffer): Outcome {
  return outcomeOf(() => {
    for (const { content, end } of readSnappyFrames(stream)) {
      if (content.length > BLOCK_BYTES) throw new Finding('a chunk of more than it may hold')
      if (end > stream.length) throw new Finding('a chunk that ends behind the stream')
    }
  }, isPlainError)
}

/** Two readers must agree on what it is, or that it is nothing. */
function runBlock(block: Buffer): Outcome {
  const content = plainUncompress(block, BLOCK_BYTES)
  const stream = Buffer.concat([IDENTIFIER, dataChunk(0, content ?? Buffer.from('x'), block)])
  const outcome = outcomeOf(() => {
    const read = Buffer.concat([...readSnappyFrames(stream)].map((part) => part.content))
    if (content === undefined || !read.equals(content)) throw new Finding('two readers differ')
  }, isPlainError)
  if (outcome.kind === 'refused' && content !== undefined) {
    throw new Finding(`what another reader takes is refused: ${outcome.said}`)
  }
  return outcome
}

const HEADERS: readonly string[] = [
  ...new Set(COMPRESSIONS.map(([, name]) => name)),
  ...['gzip, snappy', 'deflate, gzip', 'snappy, deflate', 'gzip, gzip, gzip'],
]
const BODY_BYTES_MAX = 200_000

/** First byte: strictness, then the number of the header. */
export function encodingsTarget(): Target {
  const budget = new BodyBudget(5 * BODY_BYTES_MAX)
  const bodies = [...TEXT_BODIES, Buffer.alloc(300_000, 'm'), Buffer.alloc(0)]
  return {
    name: 'encodings',
    seeds: [
      ...HEADERS.flatMap((header, i) =>
        optionsBefore(
          [i * 2, i * 2 + 1],
          bodies.map((body) => compressInOrder(header, body)),
        ),
      ),
      ...optionsBefore(
        [HEADERS.indexOf('deflate') * 2 + 1],
        bodies.map((body) => zlib.deflateRawSync(body)),
      ),
    ],
    tokens: [
      ...SNAPPY_TOKENS,
      ...['1f8b0800', '789c', '0300', '010000ffff', '28b52ffd'].map((hex) =>
        Buffer.from(hex, 'hex'),
      ),
    ],
    executionsASecond: 1000,
    run: async (input) => {
      const { bit, rest } = withOptions(input)
      const header = HEADERS[((input[0] ?? 0) >> 1) % HEADERS.length]!
      const outcome = await runEncoded(rest, header, budget, bit(0))
      budgetIsWhole(budget)
      return outcome
    },
  }
}

async function runEncoded(
  body: Buffer,
  header: string,
  budget: BodyBudget,
  strictEncodings: boolean,
): Promise<Outcome> {
  const headers = { 'content-encoding': header, 'content-length': String(body.length) }
  const request = Object.assign(Readable.from([body], { objectMode: false }), { headers })
  try {
    const options = { bytesMax: BODY_BYTES_MAX, budget, strictEncodings }
    const { bytes } = await readBody(request as unknown as IncomingMessage, options)
    if (bytes.length > BODY_BYTES_MAX) throw new Finding('a body of more than it may have')
    return ACCEPTED
  } catch (error) {
    if (!isSluiceError(error)) throw error
    return refused(String(error))
  }
}

function budgetIsWhole(budget: BodyBudget): void {
  const lease = budget.lease()
  try {
    lease.take(5 * BODY_BYTES_MAX)
  } catch {
    throw new Finding('bytes of the budget were not given back')
  } finally {
    lease.end()
  }
}
