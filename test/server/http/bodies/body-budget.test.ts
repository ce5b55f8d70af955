import { describe, expect, test } from '@jest/globals'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { BodyBudget } from '../../../../server/http/bodies/body-budget.ts'
import { readBody, RequestAborted } from '../../../../server/http/bodies/body.ts'
import { SluiceError } from '../../../../server/errors.ts'
import { closeAfterTest } from '../../../support/cleanup.ts'
import { compressInOrder } from '../../../support/encodings.ts'
import { waitFor } from '../../../support/http.ts'
import { connectTo, rawRequest } from '../../../support/raw-connection.ts'

const OVERLOADED = /bytes of bodies are being read already/

describe('a budget of bytes', () => {
  test('is shared by all leases, up to its last byte', () => {
    const budget = new BodyBudget(10)
    const [a, b] = [budget.lease(), budget.lease()]
    a.take(4)
    b.take(6)
    expect(() => a.take(1)).toThrow(OVERLOADED)
    expect(() => budget.lease().take(1)).toThrow(OVERLOADED)
    a.take(0)
  })

  test('has the bytes of a lease again when that ends, and only once', () => {
    const budget = new BodyBudget(10)
    const [a, b] = [budget.lease(), budget.lease()]
    a.take(7)
    b.take(3)
    a.end()
    a.end()
    b.take(7)
    expect(() => b.take(1)).toThrow(OVERLOADED)
  })

  test('loses nothing to what it refused', () => {
    const budget = new BodyBudget(10)
    const lease = budget.lease()
    lease.take(4)
    expect(() => lease.take(7)).toThrow(OVERLOADED)
    lease.end()
    budget.lease().take(10)
  })
})

describe('reading a body', () => {
  const BYTES_MAX = 1000
  const PATH = '/'

  /** Reads bodies with one budget, and says what came of each. */
  async function startReader(
    budget: BodyBudget,
  ): Promise<{ url: string; outcomes: (number | string)[] }> {
    const outcomes: (number | string)[] = []
    const options = { bytesMax: BYTES_MAX, budget, strictEncodings: true }
    const server = http.createServer((request, response) => {
      readBody(request, options).then(
        ({ bytes }) => {
          outcomes.push(bytes.length)
          response.end()
        },
        (error: unknown) => {
          outcomes.push(
            error instanceof SluiceError
              ? error.code
              : error instanceof RequestAborted
                ? 'aborted'
                : String(error),
          )
          response.end()
        },
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closeAfterTest(() => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    })
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, outcomes }
  }

  function put(body: Buffer, ...headers: string[]): Buffer {
    const length = `Content-Length: ${body.length}`
    return Buffer.concat([
      Buffer.from(rawRequest('PUT', PATH, { headers: [length, ...headers] })),
      body,
    ])
  }

  const chunked = rawRequest('PUT', PATH, { headers: ['Transfer-Encoding: chunked'] })
  const full = Buffer.alloc(BYTES_MAX, '#')
  const zeros = Buffer.alloc(50_000)

  test.each<[title: string, bytes: string | Buffer, outcome: number | string]>([
    ['a body', put(full), BYTES_MAX],
    ['a compressed body', put(compressInOrder('gzip', full), 'Content-Encoding: gzip'), BYTES_MAX],
    ['no body', rawRequest('PUT', PATH), 0],
    ['one that announces too much', put(Buffer.alloc(BYTES_MAX + 1)), 'body_too_large'],
    [
      'one that becomes too large in chunks',
      `${chunked}3e8\r\n${full.toString()}\r\n1\r\n#\r\n0\r\n\r\n`,
      'body_too_large',
    ],
    ...['gzip', 'deflate', 'snappy', 'gzip, gzip', 'gzip, snappy', 'snappy, deflate'].map(
      (name) =>
        [
          `a bomb of ${name}`,
          put(compressInOrder(name, zeros), `Content-Encoding: ${name}`),
          'body_too_large',
        ] as [string, Buffer, string],
    ),
    ...['gzip', 'deflate', 'snappy'].map(
      (name) =>
        [
          `${name} that is cut off`,
          put(compressInOrder(name, full).subarray(0, -1), `Content-Encoding: ${name}`),
          'invalid_encoding',
        ] as [string, Buffer, string],
    ),
    ['an encoding that is not known', put(full, 'Content-Encoding: br'), 'unknown_encoding'],
    ['half a body of a client that went away', put(full).subarray(0, -500), 'aborted'],
    [
      'half a compressed body of a client that went away',
      put(compressInOrder('gzip', full), 'Content-Encoding: gzip').subarray(0, -3),
      'aborted',
    ],
    ['half a chunk of a client that went away', `${chunked}3e8\r\n###`, 'aborted'],
    ['nonsense instead of a chunk', `${chunked}3\r\n###\r\nnonsense`, 'aborted'],
  ])('gives back the budget of %s, each of ten times', async (_, bytes, outcome) => {
    // It would not last for three of them, if anything were kept.
    const budget = new BodyBudget(3 * BYTES_MAX)
    const { url, outcomes } = await startReader(budget)
    for (let round = 1; round <= 10; round++) {
      const connection = await connectTo(url)
      connection.write(bytes)
      if (outcome === 'aborted') connection.end()
      else await connection.answer()
      await waitFor('the outcome', () => outcomes.length === round || undefined)
      connection.destroy()
    }
    expect(new Set(outcomes)).toEqual(new Set([outcome]))
    budget.lease().take(3 * BYTES_MAX)
  })
})
