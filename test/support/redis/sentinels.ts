/** A primary with two replicas, and three Sentinels that replace it when it is gone. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { closeAfterTest, temporaryFolder, type OnClose } from '../cleanup.ts'
import { waitFor } from '../http.ts'
import { startProcess } from '../processes.ts'
import { needProgram } from '../programs.ts'
import { callOnce, type Reply } from './call.ts'
import { onFreePort, queryText, says, startRedis, type RedisServer } from './server.ts'

/** What the Sentinels call the primary. */
const NAME = 'mymaster'
const SENTINELS = 3
const DOWN_AFTER_MS = 1000

export interface SentinelsOptions {
  /** Lines of the servers' configurations. */
  readonly config?: readonly string[]
  /** What the servers, and what the Sentinels want to hear. */
  readonly passwords?: { readonly servers: string; readonly sentinels: string }
  readonly onClose?: OnClose
}

export interface Sentinels {
  /** The first is the primary in the beginning. */
  readonly servers: readonly RedisServer[]
  /** The server that the Sentinels name as primary. */
  primary(): Promise<RedisServer>
  /** A storage URL, with options of the query. */
  readonly url: (query?: Readonly<Record<string, string>>) => string
}

/** Starts them and waits until all know each other. */
export async function startSentinels({
  config = [],
  passwords,
  onClose = closeAfterTest,
}: SentinelsOptions = {}): Promise<Sentinels> {
  const demands =
    passwords === undefined
      ? config
      : [...config, `requirepass ${passwords.servers}`, `masterauth ${passwords.servers}`]
  const login = passwords === undefined ? {} : { password: passwords.servers }
  const first = await startRedis({ config: demands, onClose, ...login })
  const replicaOf = [...demands, `replicaof 127.0.0.1 ${first.port}`]
  const replicas = await Promise.all(
    [1, 2].map(() => startRedis({ config: replicaOf, onClose, ...login })),
  )
  const servers = [first, ...replicas]
  const ports = await Promise.all(
    Array.from({ length: SENTINELS }, () =>
      onFreePort((port) => startSentinel(port, first, passwords, onClose)),
    ),
  )
  for (const port of ports)
    await waitFor('the Sentinels to find each other', () => isComplete(port, passwords?.sentinels))
  await waitFor('the replicas to be in step', async () =>
    /state=online[^]*state=online/.test(String(await first.call('INFO', 'replication')))
      ? true
      : undefined,
  )
  const addresses = ports.map((port) => `127.0.0.1:${port}`).join(',')
  return {
    servers,
    url: (query = {}) => `redis+sentinel://${addresses}/${NAME}/0${queryText(query)}`,
    primary: async () => {
      const [, port] = (await ask(
        ports[0]!,
        passwords?.sentinels,
        'get-master-addr-by-name',
        NAME,
      )) as string[]
      const server = servers.find((one) => String(one.port) === port)
      if (server === undefined) throw new Error(`the primary is none of ours: ${port}`)
      return server
    },
  }
}

async function startSentinel(
  port: number,
  primary: RedisServer,
  passwords: SentinelsOptions['passwords'],
  onClose: OnClose,
): Promise<number> {
  const folder = temporaryFolder(onClose)
  const file = path.join(folder, 'sentinel.conf')
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 2`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 5000`,
    `sentinel parallel-syncs ${NAME} 2`,
    ...(passwords === undefined
      ? []
      : [
          `requirepass ${passwords.sentinels}`,
          `sentinel sentinel-pass ${passwords.sentinels}`,
          `sentinel auth-pass ${NAME} ${passwords.servers}`,
        ]),
    '',
  ]
  writeFileSync(file, lines.join('\n'))
  const running = startProcess(needProgram('redis-sentinel'), [file], { onClose })
  await says(running, /Sentinel ID is/)
  return port
}

function ask(port: number, password: string | undefined, ...args: string[]): Promise<Reply> {
  const login = password === undefined ? {} : { password }
  return callOnce({ port, ...login }, 'SENTINEL', ...args)
}

async function isComplete(port: number, password: string | undefined): Promise<true | undefined> {
  const master = (await ask(port, password, 'master', NAME)) as string[]
  const field = (name: string): string | undefined => master[master.indexOf(name) + 1]
  const complete =
    field('num-slaves') === '2' && field('num-other-sentinels') === String(SENTINELS - 1)
  return complete ? true : undefined
}
