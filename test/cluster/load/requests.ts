/** Single requests, each recorded with what came of it. */
import { parsePosition } from '../history.ts'
import type { Answered, Connection, Unanswered } from './connection.ts'
import { bodyOf, type Plan } from './groups.ts'
import type { PageReader } from './observed-page.ts'
import type { Recorder, Told } from './recorder.ts'

export interface Target {
  /** In the report. */
  readonly name: string
  readonly url: string
}

/** Who asks whom. */
export interface Asking {
  readonly client: string
  readonly target: Target
  readonly connection: Connection
  readonly recorder: Recorder
}

const METHODS = { replace: 'PUT', merge: 'POST', delete: 'DELETE' } as const

export async function write(asking: Asking, plan: Plan): Promise<Told> {
  const { client, target, connection, recorder } = asking
  const { kind, families, group, flaw } = plan
  const value = recorder.newValue()
  const startedAt = recorder.now()
  const answer = await connection.ask({
    method: METHODS[kind],
    url: target.url + group.path,
    ...(kind === 'delete' ? {} : { body: bodyOf(plan, value) }),
  })
  const told = toldBy(answer)
  recorder.wrote(
    {
      client,
      kind,
      target: target.name,
      group: group.labels,
      families,
      value,
      isFlawed: flaw !== undefined,
    },
    startedAt,
    told,
  )
  return told
}

/** Resolves to the status, 0 when there was no answer. */
export async function scrape(
  { client, target, connection, recorder }: Asking,
  reader: PageReader,
  { gzip = false } = {},
): Promise<number> {
  const startedAt = recorder.now()
  const answer = await connection.ask({ method: 'GET', url: `${target.url}/metrics`, gzip })
  if (answer.status !== 200) {
    recorder.scrapeFailed(answer.status)
    return answer.status
  }
  recorder.scraped({
    client,
    target: target.name,
    startedAt,
    endedAt: recorder.now(),
    position: parsePosition(answer.headers['sluice-revision']),
    page: reader.read(answer.body),
  })
  return answer.status
}

/** What an answer says of a write. Whatever does not say that nothing was stored leaves it open. */
function toldBy(answer: Answered | Unanswered): Told {
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
  const isUnconfirmed = answer.headers['sluice-error'] === 'unconfirmed'
  return isUnconfirmed ? { kind: 'unconfirmed', status } : { kind: 'failed', status }
}
