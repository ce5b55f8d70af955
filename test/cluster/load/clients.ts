/** Clients that push, delete and look, each one request after the other, until they are told to stop. */
import { setTimeout as sleep } from 'node:timers/promises'
import { generator, type Random } from '../../storage/random.ts'
import { closeAfterTest } from '../../support/cleanup.ts'
import { Connection } from './connection.ts'
import { planWrite } from './groups.ts'
import { PageReader } from './observed-page.ts'
import type { Recorder } from './recorder.ts'
import { scrape, write, type Asking, type Target } from './requests.ts'

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
  /** Ends all clients, with their requests under way. */
  settle(): Promise<void>
  /** One more scrape of each target, when nothing changes any more. */
  lookEverywhere(): Promise<void>
}

/** How often, and how far apart, the last look at a target is tried. */
const LAST_LOOKS = 20
const LAST_LOOK_MS = 500

/** Starts the clients, which do not outlive the test. */
export function startLoad(options: LoadOptions): Load {
  const reader = new PageReader()
  const { targets, recorder, writers, scrapers, seed } = options
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
  const settle = async (): Promise<void> => {
    running = false
    await Promise.all(ended)
  }
  closeAfterTest(async () => {
    await settle()
    observer.close()
  })
  return {
    settle,
    async lookEverywhere() {
      await sleep(Math.max(0, recorder.settledAt - recorder.now()))
      // The balancer learns a moment later than the gateways that they are well again.
      for (const target of targets) {
        for (
          let tries = 1;
          (await observer.scrape(target)) !== 200 && tries < LAST_LOOKS;
          tries++
        ) {
          await sleep(LAST_LOOK_MS)
        }
      }
    },
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
    const told = await write(this.askingOf(this.pickTarget()), planWrite(this.name, this.random))
    if (told.kind === 'acknowledged' && this.random.chance(0.35)) await this.scrape()
  }

  /** Resolves to the status, 0 when there was no answer. */
  scrape(target = this.pickTarget()): Promise<number> {
    return scrape(this.askingOf(target), this.reader, { gzip: this.random.chance(0.3) })
  }

  close(): void {
    for (const connection of this.connections.values()) connection.close()
  }

  private pickTarget(): Target {
    const [balancer, ...replicas] = this.options.targets
    return replicas.length === 0 || this.random.chance(0.5) ? balancer! : this.random.pick(replicas)
  }

  private askingOf(target: Target): Asking {
    const { recorder } = this.options
    return { client: this.name, target, connection: this.connectionTo(target), recorder }
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
