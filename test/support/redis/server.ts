/** Real Redis and Valkey servers on free ports of 127.0.0.1, with their data in temporary folders. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Certificates } from '../certificates.ts'
import { closeAfterTest, temporaryFolder, type OnClose } from '../cleanup.ts'
import { freePort } from '../free-port.ts'
import { waitFor } from '../http.ts'
import { startProcess, type RunningProcess } from '../processes.ts'
import { findProgram, needProgram, type ProgramName } from '../programs.ts'
import { callOnce, type Reply } from './call.ts'

export type ServerProgram = Extract<ProgramName, 'redis-server' | 'valkey-server'>

export interface ServerOptions {
  readonly program?: ServerProgram
  /** Lines of its configuration, over those that every test server has. */
  readonly config?: readonly string[]
  /** That of its default user, where the configuration demands one. */
  readonly password?: string
  /** When it is ended; by default after the test. */
  readonly onClose?: OnClose
}

/** Such as `Redis 7.0.15`; the name of the program where it is missing. */
export function versionOf(program: ServerProgram): string {
  const file = findProgram(program)
  if (file === undefined) return program
  const said = execFileSync(file, ['--version'], { encoding: 'utf8' })
  return said.replace(/^(\w+) server v=([\d.]+)[^]*$/, '$1 $2')
}

/** Lines of a configuration for TLS on a port, with clients that have to show a certificate. */
export function tlsLines(port: number, { authority, server }: Certificates): string[] {
  return [
    `tls-port ${port}`,
    `tls-cert-file ${server.cert}`,
    `tls-key-file ${server.key}`,
    `tls-ca-cert-file ${authority.cert}`,
    'tls-auth-clients yes',
  ]
}

/** Nothing is kept but what a test asks for. */
const DEFAULTS = [
  'bind 127.0.0.1',
  'save ""',
  'appendonly no',
  'enable-debug-command local',
  'repl-diskless-sync-delay 0',
  'repl-ping-replica-period 1',
]

const STARTS_MAX = 5

/** Starts a server and waits until it takes commands. */
export async function startRedis(options: ServerOptions = {}): Promise<RedisServer> {
  return onFreePort((port) => RedisServer.start(port, options))
}

/** Starts something on a free port; on another one where somebody else was faster. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (attempt === STARTS_MAX || !/Address already in use/i.test(String(error))) throw error
    }
  }
}

export class RedisServer {
  readonly port: number
  readonly folder: string
  /** Where it can be reached too, whatever becomes of its port. */
  readonly socket: string
  private readonly options: ServerOptions
  private running: RunningProcess

  private constructor(
    port: number,
    folder: string,
    running: RunningProcess,
    options: ServerOptions,
  ) {
    this.port = port
    this.folder = folder
    this.socket = path.join(folder, 'redis.sock')
    this.running = running
    this.options = options
  }

  /** @throws when the port is taken, with what the server says about that */
  static async start(port: number, options: ServerOptions): Promise<RedisServer> {
    const { onClose = closeAfterTest, config = [] } = options
    const folder = temporaryFolder(onClose)
    const socket = path.join(folder, 'redis.sock')
    const own = [`port ${port}`, `dir ${folder}`, `unixsocket ${socket}`]
    writeFileSync(configurationIn(folder), [...DEFAULTS, ...own, ...config, ''].join('\n'))
    const running = launch(folder, options)
    await takesCommands(running)
    return new RedisServer(port, folder, running, options)
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** A storage URL of it, with options of the query. */
  url(query: Readonly<Record<string, string>> = {}): string {
    return `redis://${this.address}/0${queryText(query)}`
  }

  /** All that it wrote since it was started. */
  log(): string {
    return this.running.stdout()
  }

  /** Makes one command, on a connection of its own. */
  call(command: string, ...args: (string | number | Buffer)[]): Promise<Reply> {
    const { password } = this.options
    const login = password === undefined ? {} : { password }
    return callOnce({ path: this.socket, ...login }, command, ...args)
  }

  /** Ends it as a crash would. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.running.kill(signal)
    await this.running.ended
  }

  /** From now on it neither answers nor goes away. */
  pause(): void {
    this.running.kill('SIGSTOP')
  }

  resume(): void {
    this.running.kill('SIGCONT')
  }

  /** Starts it once more after a kill, on the same port and with the same data. */
  async restart(): Promise<void> {
    this.startAgain()
    await takesCommands(this.running)
  }

  /** As `restart`, without waiting for anything. */
  startAgain(): void {
    this.running = launch(this.folder, this.options)
  }
}

export function queryText(query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? '' : `?${text}`
}

function configurationIn(folder: string): string {
  return path.join(folder, 'redis.conf')
}

function launch(
  folder: string,
  { program = 'redis-server', onClose }: ServerOptions,
): RunningProcess {
  return startProcess(needProgram(program), [configurationIn(folder)], {
    ...(onClose === undefined ? {} : { onClose }),
  })
}

function takesCommands(running: RunningProcess): Promise<void> {
  return says(running, /ready to accept connections/i)
}

/** Waits for a line of its log; fails with all of it when the program ends before. */
export async function says(running: RunningProcess, line: RegExp): Promise<void> {
  let over = false
  void running.ended.then(() => (over = true))
  await waitFor(`${line.source} in the log`, () => {
    if (line.test(running.stdout())) return true
    if (over) throw new Error(`the server ended: ${running.stdout()}${running.stderr()}`)
    return undefined
  })
}
