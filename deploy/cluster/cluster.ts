/**
 * The topology of docker-compose.yml on the loopback interface, from the same configuration files
 * with the programs of this host: Redis with replicas and Sentinels, gateways, HAProxy, Prometheus.
 */
import { randomBytes } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ask, callRedis, replyFields } from './ask.ts'
import { createMember, LOOPBACK, tail, until, type Member, type MemberSpec } from './member.ts'
import { findPorts } from './ports.ts'

export interface ClusterOptions {
  /** How many gateways; 3 by default, which is also the most. */
  readonly replicas?: 1 | 2 | 3
  readonly redis?: RedisOptions
  /** Query of the gateways' storage URL; `?wait=1` by default, as in docker-compose.yml. */
  readonly storageUrlOptions?: string
  /** Makes the whole storage URL of a gateway instead, for example one that goes through a proxy. */
  readonly storageUrl?: (gateway: number, store: StoreAddresses) => string
  readonly gatewayFlags?: readonly string[]
  readonly gatewayEnv?: Readonly<Record<string, string>>
  /** Whether Prometheus runs too; not by default. */
  readonly prometheus?: boolean
  /** HAProxy's port; the others follow it. By default, ports that are free. */
  readonly basePort?: number
  /** Is told of each part that runs. */
  readonly onStarted?: (member: Member) => void
}

export interface RedisOptions {
  /** How many servers, the primary included; 3 by default. One alone does not insist on replicas. */
  readonly servers?: number
  /** How many Sentinels; 3 by default. With none, gateways go to the first server. */
  readonly sentinels?: number
  /** Settings over those of deploy/redis/redis.conf, for example `{ appendfsync: 'always' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** The program for both: `redis-server` by default, `valkey-server` works too. */
  readonly program?: string
}

export interface StoreAddresses {
  /** `host:port` of each server; the first one begins as primary. */
  readonly redis: readonly string[]
  readonly sentinels: readonly string[]
}

export interface HttpMember extends Member {
  readonly url: string
}

export interface GatewayMember extends HttpMember {
  /** Whether /-/ready says so. A start waits only until it answers at all. */
  isReady(): Promise<boolean>
}

export interface Cluster {
  /** HAProxy's, where clients push and Prometheus scrapes. */
  readonly url: string
  readonly gateways: readonly GatewayMember[]
  readonly redis: readonly Member[]
  readonly sentinels: readonly Member[]
  readonly haproxy: HttpMember
  readonly prometheus: HttpMember | undefined
  /** HAProxy's page of who is up. */
  readonly statsUrl: string
  /** Of Redis and the Sentinels. */
  readonly password: string
  /** Of the first gateway. */
  readonly storageUrl: string
  /** Where data and logs are. */
  readonly folder: string
  /** Index in `redis` of the primary that the Sentinels name now. */
  primary(): Promise<number>
  /** Ends every member and removes the folder. */
  stop(): Promise<void>
}

const DEPLOY = path.join(import.meta.dirname, '..')
const MAIN = path.join(DEPLOY, '../dist/server/main.js')
/** Longer than HAProxy takes to notice, see deploy/haproxy/haproxy.cfg. */
const SHUTDOWN_DELAY = '2s'
/** How long the parts may take to find each other. */
const TOGETHER_MS = 30_000
const TRIES = 3

/** Starts everything and waits until a push through HAProxy would be answered. Leaves nothing behind when it fails. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  for (let tried = 1; ; tried++) {
    try {
      return await startOnce(options)
    } catch (error) {
      // Somebody else took a port after it was found to be free.
      const wasTaken = /address (already )?in use|EADDRINUSE/i.test(String(error))
      if (!wasTaken || options.basePort !== undefined || tried === TRIES) throw error
    }
  }
}

async function startOnce(options: ClusterOptions): Promise<Cluster> {
  if (!existsSync(MAIN)) throw new Error('dist/server/main.js is missing: npm run build makes it')
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-cluster-'))
  const password = randomBytes(16).toString('hex')
  let plan: Plan | undefined
  const stop = async (): Promise<void> => {
    if (plan !== undefined) await stopAll(plan)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    plan = await planCluster(options, folder, password)
    const { redis, sentinels, gateways, haproxy, prometheus } = plan
    const start = async (members: readonly Member[]): Promise<void> => {
      await Promise.all(members.map((member) => member.start()))
      for (const member of members) options.onStarted?.(member)
    }
    await start(redis)
    await reach('the replicas to be in step', () => isReplicated(redis, password))
    await start(sentinels)
    for (const sentinel of sentinels) {
      await reach('the Sentinels to know each other', () =>
        isComplete(sentinel, redis.length, sentinels.length, password),
      )
    }
    await start(gateways)
    for (const gateway of gateways) {
      await reach(`${gateway.name} to be ready`, () => gateway.isReady(), gateway)
    }
    await start([haproxy])
    if (prometheus !== undefined) await start([prometheus])
    return {
      ...plan,
      url: haproxy.url,
      password,
      folder,
      primary: () => primaryOf(redis, sentinels, password),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Plan {
  readonly redis: readonly Member[]
  readonly sentinels: readonly Member[]
  readonly gateways: readonly GatewayMember[]
  readonly haproxy: HttpMember
  readonly prometheus: HttpMember | undefined
  readonly statsUrl: string
  readonly storageUrl: string
}

/** All members with their ports and files; none runs yet. */
async function planCluster(
  options: ClusterOptions,
  folder: string,
  password: string,
): Promise<Plan> {
  const { replicas = 3, redis: { servers = 3, sentinels: watchers = 3 } = {} } = options
  const ports = await findPorts(3 + replicas + servers + watchers, options.basePort)
  const take = (count: number): number[] => ports.splice(0, count)
  const [balancerPort, statsPort, prometheusPort] = take(3) as [number, number, number]
  const gatewayPorts = take(replicas)
  const redisPorts = take(servers)
  const sentinelPorts = take(watchers)
  const store = {
    redis: redisPorts.map(address),
    sentinels: sentinelPorts.map(address),
  }
  const urlOf = options.storageUrl ?? (() => defaultStorageUrl(store, options.storageUrlOptions))
  return {
    redis: redisPorts.map((port, index) =>
      redisMember('redis', index, port, redisPorts[0]!, { folder, password, options }),
    ),
    sentinels: sentinelPorts.map((port, index) =>
      redisMember('sentinel', index, port, redisPorts[0]!, { folder, password, options }),
    ),
    gateways: gatewayPorts.map((port, index) =>
      gatewayMember(index, port, urlOf(index, store), { folder, password, options }),
    ),
    haproxy: haproxyMember(folder, balancerPort, statsPort, gatewayPorts),
    prometheus:
      options.prometheus === true
        ? prometheusMember(folder, prometheusPort, balancerPort, gatewayPorts)
        : undefined,
    statsUrl: httpUrl(statsPort),
    storageUrl: urlOf(0, store),
  }
}

function defaultStorageUrl({ redis, sentinels }: StoreAddresses, query = '?wait=1'): string {
  return sentinels.length === 0
    ? `redis://${redis[0]}/0${query}`
    : `redis+sentinel://${sentinels.join(',')}/mymaster/0${query}`
}

interface Surroundings {
  readonly folder: string
  readonly password: string
  readonly options: ClusterOptions
}

function redisMember(
  kind: 'redis' | 'sentinel',
  index: number,
  port: number,
  primaryPort: number,
  { folder, password, options: { redis = {} } }: Surroundings,
): Member {
  const name = `${kind}-${index + 1}`
  const data = path.join(folder, name)
  mkdirSync(data)
  const settings = {
    ...(redis.servers === 1 ? { 'min-replicas-to-write': '0' } : {}),
    ...redis.settings,
  }
  const args = Object.entries(settings).flatMap(([setting, value]) => [`--${setting}`, value])
  return createMember({
    name,
    port,
    folder,
    command: '/bin/sh',
    args: [path.join(DEPLOY, 'redis/start.sh'), kind, ...(kind === 'redis' ? args : [])],
    env: {
      REDIS_PASSWORD: password,
      REDIS_DATA: data,
      REDIS_PORT: String(port),
      REDIS_BIND: LOOPBACK,
      REDIS_SERVER: redis.program ?? 'redis-server',
      ...(port === primaryPort ? {} : { REDIS_PRIMARY: `${LOOPBACK} ${primaryPort}` }),
    },
    isUp: async () => (await callRedis(port, password, 'PING')) === 'PONG',
  })
}

function gatewayMember(
  index: number,
  port: number,
  storageUrl: string,
  { folder, password, options }: Surroundings,
): GatewayMember {
  const url = httpUrl(port)
  const member = httpMember(
    {
      name: `sluice-${index + 1}`,
      port,
      folder,
      command: process.execPath,
      args: [MAIN, `--web.listen-address=${address(port)}`, ...(options.gatewayFlags ?? [])],
      env: {
        SLUICE_STORAGE_URL: storageUrl,
        SLUICE_STORAGE_PASSWORD: password,
        SLUICE_STORAGE_SENTINEL_PASSWORD: password,
        SLUICE_WEB_SHUTDOWN_DELAY: SHUTDOWN_DELAY,
        ...options.gatewayEnv,
      },
    },
    '/-/healthy',
  )
  return Object.assign(member, { isReady: async () => (await ask(`${url}/-/ready`)) === 200 })
}

function haproxyMember(
  folder: string,
  port: number,
  statsPort: number,
  gatewayPorts: readonly number[],
): HttpMember {
  const gateways = gatewayPorts.map((gateway, index) => [`SLUICE_${index + 1}`, address(gateway)])
  return httpMember(
    {
      name: 'haproxy',
      port,
      folder,
      command: 'haproxy',
      args: ['-db', '-f', path.join(DEPLOY, 'haproxy/haproxy.cfg')],
      env: {
        BALANCER_BIND: address(port),
        STATS_BIND: address(statsPort),
        ...(Object.fromEntries(gateways) as Record<string, string>),
      },
    },
    '/-/ready',
  )
}

function prometheusMember(
  folder: string,
  port: number,
  balancerPort: number,
  gatewayPorts: readonly number[],
): HttpMember {
  const data = path.join(folder, 'prometheus')
  mkdirSync(data)
  // The same files with the addresses of this host in place of the containers' names.
  const addresses = new Map([
    ['haproxy:9091', address(balancerPort)],
    ...gatewayPorts.map((gateway, index): [string, string] => [
      `sluice-${index + 1}:9091`,
      address(gateway),
    ]),
  ])
  let config = readFileSync(path.join(DEPLOY, 'prometheus/cluster.yml'), 'utf8')
  for (const [name, local] of addresses) config = config.replaceAll(`'${name}'`, `'${local}'`)
  config = config.replace(/, 'sluice-\d:9091'/g, '')
  writeFileSync(path.join(data, 'cluster.yml'), config)
  for (const rules of ['alerts.yml', 'cluster-alerts.yml']) {
    copyFileSync(path.join(DEPLOY, 'prometheus', rules), path.join(data, rules))
  }
  return httpMember(
    {
      name: 'prometheus',
      port,
      folder,
      command: 'prometheus',
      args: [
        `--config.file=${path.join(data, 'cluster.yml')}`,
        `--storage.tsdb.path=${path.join(data, 'data')}`,
        `--web.listen-address=${address(port)}`,
      ],
    },
    '/-/ready',
  )
}

/** A member that is up when a page of it answers 200. */
function httpMember(spec: Omit<MemberSpec, 'isUp'>, upPath: string): HttpMember {
  const url = httpUrl(spec.port)
  const member = createMember({ ...spec, isUp: async () => (await ask(url + upPath)) === 200 })
  return Object.assign(member, { url })
}

async function isReplicated(redis: readonly Member[], password: string): Promise<boolean> {
  const info = String(await callRedis(redis[0]!.port, password, 'INFO', 'replication'))
  return info.split('state=online').length === redis.length
}

/** Whether a Sentinel knows all servers and all the others. */
async function isComplete(
  { port }: Member,
  servers: number,
  sentinels: number,
  password: string,
): Promise<boolean> {
  const primary = replyFields(await callRedis(port, password, 'SENTINEL', 'MASTER', 'mymaster'))
  return (
    primary.get('num-slaves') === String(servers - 1) &&
    primary.get('num-other-sentinels') === String(sentinels - 1)
  )
}

async function primaryOf(
  redis: readonly Member[],
  sentinels: readonly Member[],
  password: string,
): Promise<number> {
  if (sentinels.length === 0) return 0
  const asked = sentinels.filter(({ pid }) => pid !== undefined)
  const answers = asked.map(({ port }) =>
    callRedis(port, password, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'),
  )
  const reply = await Promise.any(answers)
  const port = Number(Array.isArray(reply) ? reply[1] : undefined)
  const index = redis.findIndex((member) => member.port === port)
  if (index === -1) throw new Error(`the Sentinels name none of ours: ${String(reply)}`)
  return index
}

/** Waits; an error shows the end of the log of `member`. */
async function reach(what: string, holds: () => Promise<boolean>, member?: Member): Promise<void> {
  const reached = await until(() => holds().catch(() => false), TOGETHER_MS)
  if (!reached)
    throw new Error(`waited ${TOGETHER_MS} ms for ${what}\n${tail(member?.log() ?? '')}`)
}

/** In the reverse order of the start, so that nobody misses what is gone. */
async function stopAll({ redis, sentinels, gateways, haproxy, prometheus }: Plan): Promise<void> {
  const steps = [
    prometheus === undefined ? [] : [prometheus],
    [haproxy],
    gateways,
    sentinels,
    redis,
  ]
  for (const members of steps) await Promise.all(members.map((member) => member.stop()))
}

function address(port: number): string {
  return `${LOOPBACK}:${port}`
}

function httpUrl(port: number): string {
  return `http://${address(port)}`
}
