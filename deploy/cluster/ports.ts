/** Ports for programs that have to know them before they start, and keep them while they are down. */
import { createServer, type Server } from 'node:net'
import { randomInt } from 'node:crypto'
import { LOOPBACK } from './member.ts'

// Below the ports that systems give out by themselves (from 32768 on): while a member is down, nobody gets its port.
const LOWEST = 20_000
const HIGHEST = 32_000
const TRIES = 100

/** Free ports of the loopback interface; with `base`, exactly those from there on. */
export async function findPorts(count: number, base?: number): Promise<number[]> {
  if (base !== undefined) {
    const ports = Array.from({ length: count }, (_, index) => base + index)
    if (await areFree(ports)) return ports
    throw new Error(`a port from ${base} to ${base + count - 1} is in use`)
  }
  for (let tried = 0; tried < TRIES; tried++) {
    const first = randomInt(LOWEST, HIGHEST - count)
    const ports = Array.from({ length: count }, (_, index) => first + index)
    if (await areFree(ports)) return ports
  }
  throw new Error(`found no ${count} free ports between ${LOWEST} and ${HIGHEST}`)
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  const servers: Server[] = []
  try {
    for (const port of ports) servers.push(await listen(port))
    return true
  } catch {
    return false
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, LOOPBACK, () => resolve(server))
  })
}
