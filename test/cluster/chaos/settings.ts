/** The settings in which a run can take place: where the store is, what it promises, and what may happen to it. */
import path from 'node:path'
import { startCluster, type Cluster, type ClusterOptions } from '../../../deploy/cluster/cluster.ts'
import { findPorts } from '../../../deploy/cluster/ports.ts'
import { closeAfterTest, temporaryFolder } from '../../support/cleanup.ts'
import type { ProgramName } from '../../support/programs.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import type { Guarantee } from '../checker/verdict.ts'
import type { FaultName } from './faults.ts'
import type { SettingName } from './setting-names.ts'

export interface Surroundings {
  readonly cluster: Cluster
  /** Between each gateway and the store; none where gateways find the store by themselves. */
  readonly proxies: readonly TcpProxy[]
  /** Past all proxies. */
  readonly storageUrl: string
}

export interface Setting {
  readonly guarantee: Guarantee
  readonly needs: readonly ProgramName[]
  /** The most telling one first. */
  readonly faults: readonly FaultName[]
  start(flags: readonly string[]): Promise<Surroundings>
}

/** Of them all, so that the ports of each can be known before it starts. */
const REPLICAS = 3
const PORTS_BEFORE_REDIS = 3 + REPLICAS

const OF_GATEWAYS: readonly FaultName[] = ['replica killed', 'replica paused', 'rolling restart']
const OF_NODES: readonly FaultName[] = [
  'primary killed',
  ...OF_GATEWAYS,
  'primary paused',
  'primary killed ahead of all',
  'primary killed with its best replica away',
  'store replica killed',
  'memory full',
]

export const SETTINGS: Readonly<Record<SettingName, Setting>> = {
  sqlite: {
    guarantee: 'lossless',
    needs: ['haproxy', 'redis-server'],
    faults: OF_GATEWAYS,
    start: startOnFile,
  },
  'redis-aof': {
    guarantee: 'lossless',
    needs: ['haproxy', 'redis-server'],
    faults: [
      'store killed',
      ...OF_GATEWAYS,
      'store paused',
      'store refuses',
      'store stalls',
      'store unreachable',
      'store slow',
      'memory full',
    ],
    start: startBehindProxies,
  },
  'sentinel-wait-all': {
    guarantee: 'lossless',
    needs: ['haproxy', 'redis-server'],
    faults: OF_NODES,
    start: (flags) => startWithSentinels(flags, '?wait=2'),
  },
  'sentinel-wait-1': {
    guarantee: 'may lose the tail',
    needs: ['haproxy', 'redis-server'],
    faults: OF_NODES,
    start: (flags) => startWithSentinels(flags, '?wait=1'),
  },
  'sentinel-no-wait': {
    guarantee: 'may lose the tail',
    needs: ['haproxy', 'redis-server'],
    faults: OF_NODES,
    start: (flags) => startWithSentinels(flags, ''),
  },
}

/** Three gateways on one file; the Redis beside them has nothing to do. */
async function startOnFile(flags: readonly string[]): Promise<Surroundings> {
  const storageUrl = `sqlite:${path.join(temporaryFolder(), 'chaos.db')}`
  const cluster = await openCluster({
    redis: { servers: 1, sentinels: 0 },
    storageUrl: () => storageUrl,
    gatewayFlags: flags,
  })
  return { cluster, proxies: [], storageUrl }
}

/** One Redis that keeps everything, and a proxy for each gateway on the way to it. */
async function startBehindProxies(flags: readonly string[]): Promise<Surroundings> {
  const [basePort = 0] = await findPorts(PORTS_BEFORE_REDIS + 1)
  const redisPort = basePort + PORTS_BEFORE_REDIS
  const proxies = await Promise.all(
    Array.from({ length: REPLICAS }, () => startTcpProxy({ port: redisPort })),
  )
  const cluster = await openCluster({
    basePort,
    redis: { servers: 1, sentinels: 0 },
    storageUrl: (gateway) => `redis://127.0.0.1:${proxies[gateway]!.port}/0`,
    gatewayFlags: flags,
  })
  return { cluster, proxies, storageUrl: `redis://127.0.0.1:${redisPort}/0` }
}

async function startWithSentinels(
  flags: readonly string[],
  storageUrlOptions: string,
): Promise<Surroundings> {
  const cluster = await openCluster({ storageUrlOptions, gatewayFlags: flags })
  return { cluster, proxies: [], storageUrl: cluster.storageUrl }
}

/** Starts a cluster that does not outlive the test, not even when it starts too slowly for it. */
export function openCluster(options: ClusterOptions): Promise<Cluster> {
  const starting = startCluster(options)
  closeAfterTest(async () => (await starting.catch(() => undefined))?.stop())
  return starting
}
