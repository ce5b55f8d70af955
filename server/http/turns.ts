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

/** What is to be done when a request is over: answered, or its connection gone. */
class Over {
  private callbacks: (() => void)[] | undefined = []

  add(callback: () => void): void {
    if (this.callbacks === undefined) callback()
    else this.callbacks.push(callback)
  }

  happens(): void {
    const callbacks = this.callbacks ?? []
    this.callbacks = undefined
    for (const callback of callbacks) callback()
  }
}

const OVER = Symbol('what is done when this request is over')

type KnownResponse = Response & { [OVER]?: Over }

/** Enters a request, before anything else is done with it. Resolves when it is its turn; undefined when it is so already. */
export function takeTurn(request: Request, response: KnownResponse): Promise<void> | undefined {
  const over = new Over()
  response[OVER] = over
  if (isMultiplexed(request)) {
    response.once('close', () => over.happens())
    return undefined
  }
  const connection = connectionOf(request.socket)
  const previous = connection.open.size > 0 ? connection.last : undefined
  connection.last = new Promise<void>((resolve) => {
    const end = (): void => {
      if (!connection.open.delete(end)) return
      over.happens()
      resolve()
    }
    connection.open.add(end)
    response.once('close', end)
  })
  return previous
}

/** Calls back once, when a request that took its turn is over. */
export function whenOver(response: KnownResponse, callback: () => void): void {
  response[OVER]?.add(callback)
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
