/** The servers that are measured, each a process of its own, on free ports of 127.0.0.1. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { freePort } from '../support/free-port.ts'
import { closedLoop } from './closed-loop.ts'
import { typicalPush } from './typical-push.ts'

const MAIN = path.join(import.meta.dirname, '../../dist/server/main.js')
const READY_MS_MAX = 120_000
const PEER_NAMES = ['prometheus-pushgateway', 'pushgateway']

export interface Server {
  readonly name: string
  readonly port: number
  readonly pid: number
  /** From the start of the process until it was ready. */
  readonly readyMs: number
  /** Ends it; `kill` at once, as a crash would. */
  stop(kill?: boolean): Promise<void>
}

/** The gateway of this checkout, as it is built. */
export function startSluice(storageUrl: string, flags: readonly string[] = []): Promise<Server> {
  return start('sluice', process.execPath, (port) => [
    MAIN,
    `--web.listen-address=127.0.0.1:${port}`,
    `--storage.url=${storageUrl}`,
    '--log.level=error',
    ...flags,
  ])
}

/** Where the real Pushgateway is; undefined when it is not on the PATH. */
export function findPeer(): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  for (const folder of folders) {
    const name = PEER_NAMES.find((known) => listing(folder).includes(known))
    if (name !== undefined) return path.join(folder, name)
  }
  return undefined
}

export function startPeer(command: string, flags: readonly string[]): Promise<Server> {
  return start('pushgateway', command, (port) => [
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
    ...flags,
  ])
}

/** A folder that is gone after `use`. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** User and system time of a process since its start, in milliseconds. */
export function cpuMsOf({ pid }: Pick<Server, 'pid'>): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Resident memory of a process. */
export function residentMbOf({ pid }: Pick<Server, 'pid'>): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

/** A PUT of a usual push to one of so many groups, whole. */
export function pushTo(host: number): string {
  const body = BODIES[host % BODIES.length]!
  return `PUT /metrics/job/nightly/instance/host-${host} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

const BODIES = Array.from({ length: 64 }, typicalPush)

export async function fill({ port }: Server, groups: number, status: number): Promise<void> {
  let next = 0
  await closedLoop({
    port,
    connections: 16,
    warmUpMs: 0,
    request: () => (next < groups ? pushTo(next++) : undefined),
    status,
  })
}

export interface Scraped {
  readonly ms: number
  readonly bytes: number
}

export function scrape({ port }: Server, headers: http.OutgoingHttpHeaders): Promise<Scraped> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const request = http.get({ host: '127.0.0.1', port, path: '/metrics', headers }, (answer) => {
      let bytes = 0
      answer.on('data', (data: Buffer) => (bytes += data.length))
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve({ ms: performance.now() - startedAt, bytes })
        else reject(new Error(`a scrape was answered ${answer.statusCode}`))
      })
    })
    request.on('error', reject)
  })
}

async function start(
  name: string,
  command: string,
  argsOf: (port: number) => string[],
): Promise<Server> {
  const port = await freePort()
  const startedAt = performance.now()
  const child = spawn(command, argsOf(port), { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  process.once('exit', () => child.kill('SIGKILL'))
  while (!(await isReady(port))) {
    if (child.exitCode !== null || performance.now() - startedAt > READY_MS_MAX) {
      child.kill('SIGKILL')
      throw new Error(`${name} did not get ready`)
    }
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  return {
    name,
    port,
    pid: pidOf(child),
    readyMs: performance.now() - startedAt,
    async stop(kill = false) {
      child.kill(kill ? 'SIGKILL' : 'SIGTERM')
      await ended
    },
  }
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the process did not start')
  return pid
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    http
      .get({ host: '127.0.0.1', port, path: '/-/ready', agent: false }, (answer) => {
        answer.resume()
        resolve(answer.statusCode === 200)
      })
      .on('error', () => resolve(false))
  })
}

function listing(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
