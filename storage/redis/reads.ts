/** Calls that only read, and can be made again at will. */
import { StoreError } from '../errors.ts'
import type { StoreEvents } from '../group-store.ts'
import type { Argument, Connection, Reply, Standing } from './connection.ts'
import type { Keys } from './keys.ts'
import type { Link } from './link.ts'
import { damageOf, troubleOf } from './reply-errors.ts'
import { untilNextAttempt } from './retries.ts'
import { READ_ONLY, SCRIPTS, type ReadingScript, type Script } from './scripts.ts'

const TIMEOUT_MS = 5000

export interface ReadsOptions {
  readonly reader: Link
  /** What was acknowledged on it must be seen by whoever reads. */
  readonly writer: Link
  readonly keys: Keys
  readonly shownUrl: string
  readonly events: Partial<StoreEvents>
}

export class Reads {
  private readonly options: ReadsOptions

  constructor(options: ReadsOptions) {
    this.options = options
  }

  /**
   * Runs a script until there is an answer that is not behind what was acknowledged here.
   *
   * @param timeoutMs how long to wait for a connection, and for one that is with the right server
   * @throws StoreError when there is none in time
   */
  async ask(
    name: ReadingScript,
    keys: readonly Argument[],
    args: readonly Argument[],
    timeoutMs = TIMEOUT_MS,
  ): Promise<Reply> {
    const { reader, writer, shownUrl } = this.options
    const deadline = performance.now() + timeoutMs
    let script: Script = SCRIPTS[name]
    for (let tries = 0; ; tries++) {
      const connection = await reader.ready(deadline)
      const before = writer.current?.standing
      try {
        const reply = await connection.run(script, keys, args)
        const kind = String(reply[0])
        if (kind === 'corrupt') throw damageOf(shownUrl, reply[2])
        if (kind === 'absent') {
          await reader.openStore(connection)
        } else if (before === undefined || isUpTo(reply, before)) {
          return reply
        } else {
          await this.compareServers(connection, reply)
        }
        if (performance.now() > deadline) {
          throw new StoreError('unavailable', `${shownUrl}: the store is not one and the same`)
        }
      } catch (error) {
        if (error instanceof StoreError) throw error
        if (troubleOf(error) === 'read only' && name in READ_ONLY) {
          script = READ_ONLY[name as keyof typeof READ_ONLY]
          continue
        }
        await untilNextAttempt(
          { ...this.options, link: reader, deadline },
          connection,
          error,
          tries,
        )
      }
    }
  }

  /**
   * An answer was behind what the writing connection knows. Either that has become wrong, which asking
   * puts right; or the two are with different servers, and reading starts anew.
   */
  private async compareServers(reading: Connection, reply: Reply): Promise<void> {
    const { reader, writer, keys } = this.options
    const writing = writer.current
    if (writing === undefined) return
    await writing.run(SCRIPTS.status, [keys.store, keys.nonces], []).catch(() => undefined)
    if (isUpTo(reply, writing.standing)) return
    reader.drop(reading, 'it is not with the server that takes the writes')
  }
}

function isUpTo([, , epoch, head]: Reply, { epoch: known, head: least }: Standing): boolean {
  return String(epoch) === known && (head as number) >= least
}
