/**
 * The requests of one connection, one after the other: node:http hands out pipelined requests at
 * once, but a scrape or a DELETE behind a PUT must find what that left. The streams of HTTP/2 have no such order.
 */
import type { Socket } from 'node:net'
import type { Request, Response } from 'express'
import { isMultiplexed } from './http-versions.ts'

interface Connection {
  /** Resolves when the request that came last is over. */
  last: Promise<void> | undefined
  /** How to end the requests that are not over yet. */
  readonly open: Set<() => void>
}

const CONNECTION = Symbol('the requests of this connection')

type KnownSocket = Socket & { [CONNECTION]?: Connection }

/**
 * Enters a request. Resolves when it is its turn; undefined when it is so already.
 *
 * @param onEnd called once, when the request is answered or its connection is gone
 */
export function takeTurn(
  request: Request,
  response: Response,
  onEnd: () => void,
): Promise<void> | undefined {
  if (isMultiplexed(request)) {
    response.once('close', onEnd)
    return undefined
  }
  const connection = connectionOf(request.socket)
  const previous = connection.open.size > 0 ? connection.last : undefined
  connection.last = new Promise<void>((resolve) => {
    const end = (): void => {
      if (!connection.open.delete(end)) return
      onEnd()
      resolve()
    }
    connection.open.add(end)
    response.once('close', end)
  })
  return previous
}

function connectionOf(socket: KnownSocket): Connection {
  let connection = socket[CONNECTION]
  if (connection === undefined) {
    const created: Connection = { last: undefined, open: new Set() }
    connection = socket[CONNECTION] = created
    // Answers that wait behind others never see their own close.
    socket.once('close', () => {
      for (const end of [...created.open]) end()
    })
  }
  return connection
}
