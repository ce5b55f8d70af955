/**
 * Gateways on one file are killed while clients push: what was acknowledged is there afterwards.
 * KILL_ROUNDS says how often.
 */
import { expect, test } from '@jest/globals'
import { send } from '../support/http.ts'
import { scrape, type Samples } from '../support/page.ts'
import { startGateway, type RunningGateway } from '../support/program.ts'
import { waitFor } from '../support/http.ts'
import { generator, type Random } from './random.ts'
import { newPath, openDatabase, openStore } from './sqlite-files.ts'

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

async function kill(gateway: RunningGateway): Promise<void> {
  gateway.process.kill('SIGKILL')
  await gateway.ended
}

test(
  `what was acknowledged before a kill -9 is there after it (${ROUNDS} rounds)`,
  async () => {
    const seed = Date.now() % 1e6
    const random = generator(seed)
    const file = newPath()
    const start = (): Promise<RunningGateway> => startGateway([`--storage.url=sqlite:${file}`])
    const clients = Array.from({ length: CLIENTS }, (_, id) => new Client(id, random))
    let [acknowledged, unanswered] = [0, 0]
    for (let round = 1; round <= ROUNDS; round++) {
      const gateways = await Promise.all([start(), start()])
      let alive: RunningGateway[] = [...gateways]
      const run = async (client: Client): Promise<void> => {
        while (alive.length > 0) {
          if (await client.write(random.pick(alive).url)) acknowledged++
          else unanswered++
        }
      }
      const running = Promise.all(clients.map(run))
      const reach = (count: number): Promise<true> =>
        waitFor(`${count} acknowledged pushes`, () => acknowledged >= count || undefined, 60_000)

      await reach(acknowledged + 100 + random.below(300))
      const [first, second] = gateways
      alive = [second]
      await kill(first)
      // The other one goes on, and finds what the dead one left in the middle of its work.
      await reach(acknowledged + 50 + random.below(100))
      alive = []
      await kill(second)
      await running

      const { url } = await start()
      const samples = await scrape(url)
      for (const client of clients) client.check(samples)
      const store = openStore(file)
      expect(await store.verify()).toEqual([])
      expect(openDatabase(file).pragma('integrity_check', { simple: true })).toBe('ok')
      const all = JSON.stringify({ seed, round, acknowledged, unanswered })
      process.stderr.write(`kill -9: ${all}\n`)
    }
  },
  ROUNDS * 60_000,
)
