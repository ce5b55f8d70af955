/**
 * Gateways on one store are killed while clients push: what was acknowledged is there afterwards.
 * KILL_ROUNDS says how often.
 */
import { describe, expect, test } from '@jest/globals'
import { openStore } from '../../storage/open.ts'
import { closeAfterTest } from '../support/cleanup.ts'
import { send, waitFor } from '../support/http.ts'
import { scrape, type Samples } from '../support/page.ts'
import { startGateway, type RunningGateway } from '../support/program.ts'
import { describeWith } from '../support/programs.ts'
import { startRedis } from '../support/redis/server.ts'
import { generator, type Random } from './random.ts'
import { newPrefix } from './redis-stores.ts'
import { newPath, openDatabase } from './sqlite-files.ts'

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 3)
const CLIENTS = 10

/** The values of a client's two families; undefined where there is none. */
interface Held {
  readonly m: string | undefined
  readonly n: string | undefined
}

const NOTHING: Held = { m: undefined, n: undefined }

/** A client with a group of its own, which it writes to, one request after the other. */
class Client {
  readonly path: string
  /** What the group may hold: what was acknowledged, and what was asked for and not answered. */
  possible: Held[] = [NOTHING]
  private value = 0
  private readonly job: string
  private readonly random: Random

  constructor(id: number, random: Random) {
    this.job = `client${id}`
    this.path = `/metrics/job/${this.job}`
    this.random = random
  }

  /** Makes one request; true when it was acknowledged. */
  async write(url: string): Promise<boolean> {
    const value = String(++this.value)
    const kind = this.random.pick(['PUT', 'PUT', 'PUT', 'POST', 'POST', 'POST', 'DELETE'] as const)
    const after = (held: Held): Held => {
      if (kind === 'DELETE') return NOTHING
      return kind === 'PUT' ? { m: value, n: value } : { ...held, n: value }
    }
    const body = { PUT: `m ${value}\nn ${value}\n`, POST: `n ${value}\n`, DELETE: '' }[kind]
    const wanted = distinct(this.possible.map(after))
    this.possible = [...this.possible, ...wanted]
    const status = await send(kind, url, this.path, { body }).then(
      (answer) => answer.status,
      () => 0,
    )
    if (status === 0) return false
    expect(status).toBe(kind === 'DELETE' ? 202 : 200)
    this.possible = wanted
    return true
  }

  /** The group holds what it may hold; from now on that is known. */
  check(samples: Samples): void {
    const held: Held = {
      m: samples.get(`m{instance="",job="${this.job}"}`),
      n: samples.get(`n{instance="",job="${this.job}"}`),
    }
    expect({ job: this.job, held, possible: this.possible }).toEqual({
      job: this.job,
      held,
      possible: expect.arrayContaining([held]) as unknown,
    })
    this.possible = [held]
  }
}

function distinct(all: readonly Held[]): Held[] {
  return [...new Map(all.map((held) => [JSON.stringify(held), held])).values()]
}

/** Clients that push to gateways on one store, round after round. */
class Load {
  acknowledged = 0
  unanswered = 0
  private readonly random: Random
  private readonly clients: readonly Client[]
  private alive: readonly RunningGateway[] = []

  constructor(random: Random) {
    this.random = random
    this.clients = Array.from({ length: CLIENTS }, (_, id) => new Client(id, random))
  }

  /** Pushes through two gateways, of which first one and then the other is ended in full flight. */
  async round(url: string, end: (gateway: RunningGateway) => Promise<void>): Promise<void> {
    const [first, second] = await Promise.all([startOn(url), startOn(url)])
    this.alive = [first, second]
    const running = Promise.all(this.clients.map((client) => this.run(client)))
    await this.reach(100 + this.random.below(300))
    this.alive = [second]
    await end(first)
    // The other one goes on, and finds what the dead one left in the middle of its work.
    await this.reach(50 + this.random.below(100))
    this.alive = []
    await end(second)
    await running
  }

  /** What a gateway that is started afterwards shows is what the clients were told. */
  async check(url: string): Promise<void> {
    const gateway = await startOn(url)
    const samples = await scrape(gateway.url)
    for (const client of this.clients) client.check(samples)
    // Nothing may keep a database open: who opens it next has to recover it by itself.
    const store = await openStore(url)
    closeAfterTest(() => store.close())
    expect(await store.verify()).toEqual([])
    await store.close()
    await kill(gateway)
  }

  private async run(client: Client): Promise<void> {
    while (this.alive.length > 0) {
      if (await client.write(this.random.pick(this.alive).url)) this.acknowledged++
      else this.unanswered++
    }
  }

  private async reach(more: number): Promise<void> {
    const goal = this.acknowledged + more
    const reached = (): true | undefined => this.acknowledged >= goal || undefined
    await waitFor(`${more} acknowledged pushes`, reached, 60_000)
  }
}

function startOn(url: string): Promise<RunningGateway> {
  return startGateway([`--storage.url=${url}`])
}

async function kill(gateway: RunningGateway): Promise<void> {
  gateway.process.kill('SIGKILL')
  await gateway.ended
}

async function stop(gateway: RunningGateway): Promise<void> {
  gateway.process.kill('SIGTERM')
  expect(await gateway.ended).toEqual({ code: 0, signal: null })
}

function describeKills(newUrl: () => Promise<string>, check?: (url: string) => void): void {
  test(
    `what was acknowledged before a kill -9 is there after it (${ROUNDS} rounds)`,
    async () => {
      const seed = Date.now() % 1e6
      const url = await newUrl()
      const load = new Load(generator(seed))
      for (let round = 1; round <= ROUNDS; round++) {
        await load.round(url, kill)
        await load.check(url)
        check?.(url)
        const { acknowledged, unanswered } = load
        const counts = JSON.stringify({ seed, round, acknowledged, unanswered })
        process.stderr.write(`kill -9: ${counts}\n`)
      }
    },
    ROUNDS * 60_000,
  )

  test('what was acknowledged before SIGTERM is there after it, and the gateway ends well', async () => {
    const url = await newUrl()
    const load = new Load(generator(1))
    await load.round(url, stop)
    await load.check(url)
  }, 60_000)
}

describe('gateways on one SQLite file', () => {
  describeKills(
    async () => `sqlite:${newPath()}`,
    (url) => {
      const database = openDatabase(url.slice('sqlite:'.length))
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
      database.close()
    },
  )
})

describeWith('redis-server', 'gateways on one Redis', () => {
  describeKills(async () => (await startRedis()).url({ prefix: newPrefix() }))
})
