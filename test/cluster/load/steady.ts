/** So many pushes a second and a few scrapes, through one target, whatever becomes of it; none is tried again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parsePosition } from '../history.ts'
import { toldBy, type Target } from './clients.ts'
import { Connection } from './connection.ts'
import { bodyOf } from './groups.ts'
import { PageReader } from './observed-page.ts'
import type { Recorder } from './recorder.ts'

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

  const pusher = async (id: number): Promise<void> => {
    const connection = new Connection(PATIENCE_MS)
    const client = `p${id}`
    const families = ['chaos_a', 'chaos_b']
    const path = `/metrics/job/steady/instance/${client}`
    await inStep(pushesPerSecond / CLIENTS, async () => {
      const plan = { kind: 'replace', families } as const
      const value = recorder.newValue()
      const startedAt = recorder.now()
      const answer = await connection.ask({
        method: 'PUT',
        url: target.url + path,
        body: bodyOf(plan, value),
      })
      const group = `instance="${client}",job="steady"`
      recorder.wrote(
        { client, ...plan, target: target.name, group, value, isFlawed: false },
        startedAt,
        toldBy(answer),
      )
      if (answer.status !== 200) failures.push(`a push was answered ${answer.status}`)
    })
    connection.close()
  }

  const scraper = async (): Promise<void> => {
    const connection = new Connection(PATIENCE_MS)
    await inStep(scrapesPerSecond, async () => {
      const startedAt = recorder.now()
      const answer = await connection.ask({ method: 'GET', url: `${target.url}/metrics` })
      if (answer.status !== 200) {
        recorder.scrapeFailed(answer.status)
        failures.push(`a scrape was answered ${answer.status}`)
        return
      }
      recorder.scraped({
        client: 'scraper',
        target: target.name,
        startedAt,
        endedAt: recorder.now(),
        position: parsePosition(answer.headers['sluice-revision']),
        page: reader.read(answer.body),
      })
    })
    connection.close()
  }

  const ended = [...Array.from({ length: CLIENTS }, (_, id) => pusher(id + 1)), scraper()]
  return {
    async stop() {
      running = false
      await Promise.all(ended)
      return failures
    },
  }
}
