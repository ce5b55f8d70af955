/** A whole gateway in this process, over connections that are kept open. */
import http from 'node:http'
import { Writable } from 'node:stream'
import { startApp } from '../../../server/app.ts'
import { parseFlags } from '../../../server/config/parse-flags.ts'
import { settingsFrom } from '../../../server/config/settings.ts'
import { readBuildInfo } from '../../../server/telemetry/build-info.ts'
import { createLogger } from '../../../server/telemetry/logger.ts'
import { COMPRESSIONS, compressInOrder } from '../../support/encodings.ts'
import { corpusBodies, OPENMETRICS_BODIES, protobufBodies, TEXT_BODIES } from '../seeds.ts'
import { ACCEPTED, Finding, refused, type Outcome, type Target } from '../target.ts'
import { OPENMETRICS_TOKENS, PROTOBUF_TOKENS, SNAPPY_TOKENS } from '../tokens.ts'

const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
const TYPES = [
  'text/plain',
  'application/openmetrics-text; version=1.0.0',
  PROTOBUF,
  'x',
  '',
] as const
const ENCODINGS = [
  '',
  ...COMPRESSIONS.map(([, name]) => name),
  'gzip, snappy',
  'br',
  'gzip, identity',
]
const METHODS = ['PUT', 'POST', 'POST', 'DELETE'] as const
const ACCEPTS = ['text/plain;version=1.0.0;escaping=allow-utf-8', TYPES[1], PROTOBUF] as const
const ANSWERS = [200, 202, 400, 413, 503]
const ANSWER_MS_MAX = 5000
const PUSHES_A_SCRAPE = 64
/** The page stays of a size that can be scraped often. */
const PUSHES_A_WIPE = 2048

/** First bytes: the Content-Type, the Content-Encoding, and the method and group. */
export async function httpTarget(): Promise<Target> {
  const flags = [
    '--web.listen-address=127.0.0.1:0',
    '--storage.url=memory:',
    '--web.enable-admin-api',
    '--push.enable-utf8-names',
    '--push.max-body-bytes=300000',
  ]
  const settings = settingsFrom(parseFlags(flags, {}))
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() })
  const logger = createLogger({ level: 'info', format: 'logfmt', stream })
  const app = await startApp({ settings, logger, build: readBuildInfo(), onQuit: () => undefined })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  const client = new Client(agent, Number(new URL(app.urls[0]!).port))
  let pushes = 0
  return {
    name: 'http',
    seeds: seeds(),
    tokens: [...OPENMETRICS_TOKENS, ...PROTOBUF_TOKENS, ...SNAPPY_TOKENS],
    executionsASecond: 300,
    run: async (input) => {
      const outcome = await push(client, input)
      if (++pushes % PUSHES_A_SCRAPE === 0) await scrape(client, ACCEPTS[(pushes / 64) % 3]!)
      if (pushes % PUSHES_A_WIPE === 0) await client.send('PUT', '/api/v1/admin/wipe')
      return outcome
    },
    close: async () => {
      agent.destroy()
      await app.stop()
    },
  }
}

function seeds(): Buffer[] {
  const typed = [
    [0, [...TEXT_BODIES, ...corpusBodies('text')]],
    [1, [...OPENMETRICS_BODIES, ...corpusBodies('openmetrics')]],
    [2, protobufBodies()],
  ] as const
  return typed.flatMap(([type, bodies]) =>
    bodies.flatMap((body, i) => {
      const encoding = 1 + (i % COMPRESSIONS.length)
      const head = (...bytes: number[]): Buffer => Buffer.from(bytes)
      return [
        Buffer.concat([head(type, 0, i), body]),
        Buffer.concat([head(type, encoding, i), compressInOrder(ENCODINGS[encoding]!, body)]),
      ]
    }),
  )
}

async function push(client: Client, input: Buffer): Promise<Outcome> {
  const [type = 0, encoding = 0, where = 0] = input
  const headers = {
    'Content-Type': TYPES[type % TYPES.length]!,
    'Content-Encoding': ENCODINGS[encoding % ENCODINGS.length]!,
  }
  const method = METHODS[where % METHODS.length]!
  const path = `/metrics/job/j${(where >> 2) % 4}${where > 127 ? '/a/b' : ''}`
  const answer = await client.send(method, path, { headers, body: input.subarray(3) })
  if (!ANSWERS.includes(answer.status))
    throw new Finding(`answered ${answer.status}: ${answer.text}`)
  return answer.status < 300 ? ACCEPTED : refused(`${answer.status} ${answer.text}`)
}

async function scrape(client: Client, accept: string): Promise<void> {
  const { status, text } = await client.send('GET', '/metrics', { headers: { Accept: accept } })
  if (status !== 200) throw new Finding(`a scrape of ${accept} was answered ${status}: ${text}`)
}

class Client {
  private readonly agent: http.Agent
  private readonly port: number

  constructor(agent: http.Agent, port: number) {
    this.agent = agent
    this.port = port
  }

  async send(
    method: string,
    path: string,
    options: { readonly headers?: http.OutgoingHttpHeaders; readonly body?: Buffer } = {},
  ): Promise<{ status: number; text: string }> {
    try {
      return await this.sendOnce(method, path, options)
    } catch (error) {
      // The gateway may close a connection that is kept open just when the next request comes.
      if (!(error instanceof ConnectionLost)) throw error
      return this.sendOnce(method, path, options)
    }
  }

  private sendOnce(
    method: string,
    path: string,
    { headers = {}, body = Buffer.alloc(0) }: { headers?: http.OutgoingHttpHeaders; body?: Buffer },
  ): Promise<{ status: number; text: string }> {
    const { agent, port } = this
    return new Promise((resolve, reject) => {
      const all = { ...headers, 'Content-Length': body.length }
      const request = http.request(
        { host: '127.0.0.1', port, agent, method, path, headers: all, timeout: ANSWER_MS_MAX },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
          })
        },
      )
      request.on('timeout', () => {
        request.destroy(new Finding(`no answer in ${ANSWER_MS_MAX} ms`))
      })
      request.on('error', (error) => {
        reject(request.reusedSocket && !(error instanceof Finding) ? new ConnectionLost() : error)
      })
      request.end(body)
    })
  }
}

class ConnectionLost extends Error {}
