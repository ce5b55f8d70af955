/** Short questions to members: none waits long, and no connection stays. */
import { Redis } from 'ioredis'
import http from 'node:http'
import { LOOPBACK } from './member.ts'

const PATIENCE_MS = 2000

export type Reply = string | number | null | readonly Reply[]

/** The status that a URL answers. */
export function ask(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false, timeout: PATIENCE_MS }, (response) => {
      response.resume()
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('timeout', () => request.destroy(new Error(`${url} does not answer`)))
    request.on('error', reject)
  })
}

/** One command to a Redis server or Sentinel on this host. */
export async function callRedis(
  port: number,
  password: string,
  command: string,
  ...args: string[]
): Promise<Reply> {
  const client = new Redis({
    host: LOOPBACK,
    port,
    password,
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    disableClientInfo: true,
  })
  // What is wrong is thrown by connect and by the command.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.call(command, ...args)) as Reply
  } finally {
    client.disconnect()
  }
}

/** `[name, value, name, value, ...]` as Redis answers it. */
export function replyFields(reply: Reply): Map<string, string> {
  const flat = Array.isArray(reply) ? (reply as Reply[]).map(String) : []
  return new Map(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : [])))
}
