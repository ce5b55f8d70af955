/**
 * The requests of one connection, one after the other: node:http hands out pipelined requests at
 * once, but a scrape or a DELETE behind a PUT must find what that left. The streams of HTTP/2 have no such order.
 */
import type { Socket } from 'node:net'
import type { Request } from 'express'
import { isMultiplexed } from './http-versions.ts'

const TURNS = Symbol('the requests of this connection that are not over')

type KnownSocket = Socket & { [TURNS]?: Turn[] }

/** A request from the first byte of its head until it is over: answered, or its connection gone. */
export abstract class Turn {
  private isOver = false
  /** Those of its connection, in order; undefined where they need not wait for each other. */
  private turns: Turn[] | undefined
  private followers: (() => void)[] | undefined

  /** Is called once, when the request is over. */
  protected abstract over(): void

  /**
   * Enters the request, before anything else is done with it. Returns what resolves when it is its turn; undefined when
   * it is so already, as it nearly always is.
   */
  take(request: Request): Promise<void> | undefined {
    if (isMultiplexed(request)) return undefined
    const turns = turnsOf(request.socket)
    const previous = turns[turns.length - 1]
    this.turns = turns
    turns.push(this)
    return previous === undefined ? undefined : new Promise((resolve) => previous.whenOver(resolve))
  }

  /** Its answer is out, or nobody takes it any more. Only the first call says anything. */
  end(): void {
    if (this.isOver) return
    this.isOver = true
    const { turns, followers } = this
    if (turns !== undefined) {
      const at = turns.indexOf(this)
      if (at >= 0) turns.splice(at, 1)
    }
    this.over()
    if (followers !== undefined) for (const follower of followers) follower()
  }

  private whenOver(follower: () => void): void {
    if (this.isOver) follower()
    else (this.followers ??= []).push(follower)
  }
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
