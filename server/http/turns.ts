/**
 * The requests of one connection, one after the other: node:http hands out pipelined requests at
 * once, but a scrape or a DELETE behind a PUT must find what that left. The streams of HTTP/2 have no such order.
 */
import type { Socket } from 'node:net'
import type { Request, Response } from 'express'
import { isMultiplexed } from './http-versions.ts'

const TURNS = Symbol('the requests of this connection that are not over')

type KnownSocket = Socket & { [TURNS]?: Turn[] }

/** A request from the first byte of its head until it is over: answered, or its connection gone. */
export class Turn {
  private isOver = false
  private callbacks: (() => void)[] | undefined

  /** Calls back once, when the request is over. */
  whenOver(callback: () => void): void {
    if (this.isOver) callback()
    else if (this.callbacks === undefined) this.callbacks = [callback]
    else this.callbacks.push(callback)
  }

  /** Only the first call says anything. */
  end(): void {
    if (this.isOver) return
    this.isOver = true
    const { callbacks } = this
    this.callbacks = undefined
    if (callbacks !== undefined) for (const callback of callbacks) callback()
  }
}

/**
 * Enters a request, before anything else is done with it. Returns what resolves when it is its turn; undefined when it
 * is so already, as it nearly always is.
 */
export function takeTurn(
  turn: Turn,
  request: Request,
  response: Response,
): Promise<void> | undefined {
  if (isMultiplexed(request)) {
    response.once('close', () => turn.end())
    return undefined
  }
  const turns = turnsOf(request.socket)
  const previous = turns[turns.length - 1]
  turns.push(turn)
  response.once('close', () => {
    const at = turns.indexOf(turn)
    if (at >= 0) turns.splice(at, 1)
    turn.end()
  })
  if (previous === undefined) return undefined
  return new Promise((resolve) => previous.whenOver(resolve))
}

function turnsOf(socket: KnownSocket): Turn[] {
  let turns = socket[TURNS]
  if (turns === undefined) {
    const created: Turn[] = []
    turns = socket[TURNS] = created
    // Answers that wait behind others never see their own close.
    socket.once('close', () => {
      for (const turn of created.splice(0)) turn.end()
    })
  }
  return turns
}
