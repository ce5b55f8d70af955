/** So many pushes a second and a few scrapes, through one target, whatever becomes of it; none is tried again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { closeAfterTest } from '../../support/cleanup.ts'
import { Connection } from './connection.ts'
import { PageReader } from './observed-page.ts'
import type { Recorder } from './recorder.ts'
import { scrape, write, type Asking, type Target } from './requests.ts'

export interface SteadyOptions {
  readonly target: Target
  readonly recorder: Recorder
  readonly pushesPerSecond: number
  readonly scrapesPerSecond: number
}

export interface SteadyLoad {
  /** Ends it, with the requests under way. Resolves to what went wrong, a line for each. */
  stop(): Promise<string[]>
}

const CLIENTS = 20
const PATIENCE_MS = 15_000
const FAMILIES = ['chaos_a', 'chaos_b']

/** Starts it; it does not outlive the test. */
export function startSteadyLoad(options: SteadyOptions): SteadyLoad {
  const { target, recorder, pushesPerSecond, scrapesPerSecond } = options
  const reader = new PageReader()
  const failures: string[] = []
  let running = true

  /** Asks in even steps; when one took too long, the next ones come sooner. */
  const inStep = async (perSecond: number, ask: () => Promise<void>): Promise<void> => {
    const startedAt = recorder.now() + Math.random() * (1000 / perSecond)
    for (let step = 0; running; step++) {
      await sleep(Math.max(0, startedAt + (step * 1000) / perSecond - recorder.now()))
      await ask()
    }
  }

  const asking = (client: string): Asking => {
    return { client, target, connection: new Connection(PATIENCE_MS), recorder }
  }

  const pusher = async (id: number): Promise<void> => {
    const push = asking(`p${id}`)
    const { client, connection } = push
    const group = {
      path: `/metrics/job/steady/instance/${client}`,
      labels: `instance="${client}",job="steady"`,
    }
    await inStep(pushesPerSecond / CLIENTS, async () => {
      const told = await write(push, { kind: 'replace', families: FAMILIES, group })
      if (told.kind !== 'acknowledged') failures.push(`a push was answered ${told.status}`)
    })
    connection.close()
  }

  const scraper = async (): Promise<void> => {
    const look = asking('scraper')
    await inStep(scrapesPerSecond, async () => {
      const status = await scrape(look, reader)
      if (status !== 200) failures.push(`a scrape was answered ${status}`)
    })
    look.connection.close()
  }

  const ended = [...Array.from({ length: CLIENTS }, (_, id) => pusher(id + 1)), scraper()]
  const stop = async (): Promise<string[]> => {
    running = false
    await Promise.all(ended)
    return failures
  }
  closeAfterTest(stop)
  return { stop }
}
