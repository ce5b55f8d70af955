/** Clients that push, delete and look, each one request after the other, until they are told to stop. */
import { setTimeout as sleep } from 'node:timers/promises'
import { generator, type Random } from '../../storage/random.ts'
import { parsePosition } from '../history.ts'
import { Connection, type Answered, type Unanswered } from './connection.ts'
import { bodyOf, planWrite } from './groups.ts'
import { PageReader } from './observed-page.ts'
import type { Recorder, Told } from './recorder.ts'

export interface Target {
  /** In the report. */
  readonly name: string
  readonly url: string
}

export interface LoadOptions {
  /** The first one is the balancer, which gets half of the requests. */
  readonly targets: readonly Target[]
  readonly recorder: Recorder
  readonly seed: number
  readonly writers: number
  readonly scrapers: number
  /** Between two requests of a client, on average. */
  readonly pauseMs: number
  /** After how long a client gives up. */
  readonly patienceMs: number
}

export interface Load {
  /** Ends all clients, with their requests under way; fails when one of them did. */
  settle(): Promise<void>
  /** One more scrape of each target. */
  lookEverywhere(): Promise<void>
  close(): void
}

const METHODS = { replace: 'PUT', merge: 'POST', delete: 'DELETE' } as const

export function startLoad(options: LoadOptions): Load {
  const reader = new PageReader()
  const { targets, writers, scrapers, seed } = options
  let running = true
  const clients = Array.from({ length: writers + scrapers }, (_, i) => {
    const isWriter = i < writers
    const name = isWriter ? `w${i + 1}` : `s${i - writers + 1}`
    return { isWriter, client: new Client(name, generator(seed * 1000 + i), options, reader) }
  })
  const observer = new Client('observer', generator(seed), options, reader)
  const ended = clients.map(async ({ isWriter, client }) => {
    while (running) {
      await client.pause()
      if (isWriter) await client.write()
      else await client.scrape()
    }
    client.close()
  })
  return {
    async settle() {
      running = false
      await Promise.all(ended)
    },
    async lookEverywhere() {
      for (const target of targets) await observer.scrape(target)
    },
    close: () => observer.close(),
  }
}

class Client {
  private readonly name: string
  private readonly random: Random
  private readonly options: LoadOptions
  private readonly reader: PageReader
  /** One for each target: whoever talks to several has several connections. */
  private readonly connections = new Map<string, Connection>()

  constructor(name: string, random: Random, options: LoadOptions, reader: PageReader) {
    this.name = name
    this.random = random
    this.options = options
    this.reader = reader
  }

  async pause(): Promise<void> {
    await sleep(this.random.below(2 * this.options.pauseMs + 1))
  }

  /** Makes one push or delete; often it looks for it elsewhere right after the answer. */
  async write(): Promise<void> {
    const { recorder } = this.options
    const plan = planWrite(this.name, this.random)
    const target = this.pickTarget()
    const value = recorder.newValue()
    const startedAt = recorder.now()
    const answer = await this.connectionTo(target).ask({
      method: METHODS[plan.kind],
      url: target.url + plan.group.path,
      ...(plan.kind === 'delete' ? {} : { body: bodyOf(plan, value) }),
    })
    const told = toldBy(answer)
    const { kind, families, group } = plan
    recorder.wrote(
      {
        client: this.name,
        kind,
        target: target.name,
        group: group.labels,
        families,
        value,
        isFlawed: plan.flaw !== undefined,
      },
      startedAt,
      told,
    )
    if (told.kind === 'acknowledged' && this.random.chance(0.35)) await this.scrape()
  }

  async scrape(target = this.pickTarget()): Promise<void> {
    const { recorder } = this.options
    const startedAt = recorder.now()
    const answer = await this.connectionTo(target).ask({
      method: 'GET',
      url: `${target.url}/metrics`,
      gzip: this.random.chance(0.3),
    })
    if (answer.status !== 200) return recorder.scrapeFailed(answer.status)
    const endedAt = recorder.now()
    const { headers, body } = answer
    recorder.scraped({
      client: this.name,
      target: target.name,
      startedAt,
      endedAt,
      position: parsePosition(headers['sluice-revision']),
      page: this.reader.read(body),
    })
  }

  close(): void {
    for (const connection of this.connections.values()) connection.close()
  }

  private pickTarget(): Target {
    const [balancer, ...replicas] = this.options.targets
    return replicas.length === 0 || this.random.chance(0.5) ? balancer! : this.random.pick(replicas)
  }

  private connectionTo({ name }: Target): Connection {
    let connection = this.connections.get(name)
    if (connection === undefined) {
      connection = new Connection(this.options.patienceMs)
      this.connections.set(name, connection)
    }
    return connection
  }
}

/** What an answer says of a write. Whatever does not say that nothing was stored leaves it open. */
export function toldBy(answer: Answered | Unanswered): Told {
  const { status } = answer
  if (!('body' in answer)) {
    return answer.refused ? { kind: 'failed', status } : { kind: 'open', status }
  }
  if (status === 200 || status === 202) {
    return { kind: 'acknowledged', position: parsePosition(answer.headers['sluice-revision']) }
  }
  if (status >= 400 && status < 500) return { kind: 'refused', status }
  // The balancer answers in HTML, and does not know what became of a request.
  const isOurs = answer.headers['content-type']?.startsWith('text/plain') === true
  if (!isOurs || ![503, 507].includes(status)) return { kind: 'open', status }
  const isUnconfirmed = answer.body.includes('may have been made')
  return isUnconfirmed ? { kind: 'unconfirmed', status } : { kind: 'failed', status }
}
