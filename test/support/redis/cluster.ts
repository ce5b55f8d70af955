/** A Redis Cluster of three primaries, with replicas where a test asks for them. */
import type { Certificates } from '../certificates.ts'
import { closeAfterTest, type OnClose } from '../cleanup.ts'
import { freePort } from '../free-port.ts'
import { waitFor } from '../http.ts'
import { onFreePort, queryText, RedisServer, tlsLines, type ServerProgram } from './server.ts'

const SLOTS = 16_384
const PRIMARIES = 3

export interface ClusterOptions {
  readonly program?: ServerProgram
  /** Of each primary. */
  readonly replicas?: 0 | 1
  /** With these, its nodes also listen with TLS. */
  readonly certificates?: Certificates
  readonly onClose?: OnClose
}

export interface RedisCluster {
  /** The primaries in order of their slots, then the replicas in order of their primaries. */
  readonly nodes: readonly RedisServer[]
  /** The node that the cluster names as primary of the slot of a key. */
  ownerOf(key: string): Promise<RedisServer>
  idOf(node: RedisServer): Promise<string>
  readonly url: (query?: Readonly<Record<string, string>>) => string
}

/** Starts the nodes, makes them a cluster and waits until each says that all is well. */
export async function startRedisCluster({
  program = 'redis-server',
  replicas = 0,
  certificates,
  onClose = closeAfterTest,
}: ClusterOptions = {}): Promise<RedisCluster> {
  const nodes = await Promise.all(
    Array.from({ length: PRIMARIES * (1 + replicas) }, () =>
      onFreePort(async (port) => {
        const bus = await freePort()
        const tlsPort = certificates === undefined ? undefined : await freePort()
        const config = [
          'cluster-enabled yes',
          `cluster-port ${bus}`,
          'cluster-node-timeout 1500',
          'cluster-replica-validity-factor 0',
          ...(tlsPort === undefined
            ? []
            : ['tls-cluster yes', 'tls-replication yes', ...tlsLines(tlsPort, certificates!)]),
        ]
        return { bus, tlsPort, node: await RedisServer.start(port, { program, config, onClose }) }
      }),
    ),
  )
  const [first] = nodes
  for (const [i, { node }] of nodes.entries()) {
    await node.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
    if (i >= PRIMARIES) continue
    const [from, to] = [i, i + 1].map((n) => Math.floor((SLOTS * n) / PRIMARIES)) as [
      number,
      number,
    ]
    await node.call('CLUSTER', 'ADDSLOTSRANGE', from, to - 1)
  }
  for (const { node, tlsPort, bus } of nodes.slice(1)) {
    await first!.node.call('CLUSTER', 'MEET', '127.0.0.1', tlsPort ?? node.port, bus)
  }
  const servers = nodes.map(({ node }) => node)
  for (const node of servers) await waitFor('the cluster to be well', () => isWell(node, servers))
  const idOf = async (node: RedisServer): Promise<string> =>
    String(await node.call('CLUSTER', 'MYID'))
  for (const [i, replica] of servers.slice(PRIMARIES).entries()) {
    await replica.call('CLUSTER', 'REPLICATE', await idOf(servers[i]!))
  }
  for (const replica of servers.slice(PRIMARIES)) await waitFor('replicas', () => isInStep(replica))
  const known = (node: RedisServer) => knowsReplicas(node, PRIMARIES * replicas)
  for (const node of servers) await waitFor('nodes to know who is a replica', () => known(node))
  const addresses = nodes
    .map(({ node, tlsPort }) => (tlsPort === undefined ? node.address : `127.0.0.1:${tlsPort}`))
    .join(',')
  const scheme = certificates === undefined ? 'redis+cluster' : 'rediss+cluster'
  return {
    nodes: servers,
    idOf,
    url: (query = {}) => `${scheme}://${addresses}${queryText(query)}`,
    ownerOf: async (key) => {
      const alive = await firstAnswer(servers, 'CLUSTER', 'KEYSLOT', key)
      const slot = Number(alive)
      const ranges = (await firstAnswer(servers, 'CLUSTER', 'SLOTS')) as [
        number,
        number,
        [string, number],
      ][]
      const range = ranges.find(([from, to]) => from <= slot && slot <= to)
      const owner = servers.find(({ port }) => port === range?.[2][1])
      if (owner === undefined) throw new Error(`slot ${slot} has no owner`)
      return owner
    },
  }
}

async function firstAnswer(
  nodes: readonly RedisServer[],
  command: string,
  ...args: string[]
): Promise<unknown> {
  const answers = nodes.map((node) => node.call(command, ...args))
  return Promise.any(answers)
}

async function isWell(node: RedisServer, all: readonly RedisServer[]): Promise<true | undefined> {
  const info = String(await node.call('CLUSTER', 'INFO'))
  const well =
    info.includes('cluster_state:ok') &&
    info.includes(`cluster_slots_ok:${SLOTS}`) &&
    info.includes(`cluster_known_nodes:${all.length}`)
  return well ? true : undefined
}

async function isInStep(replica: RedisServer): Promise<true | undefined> {
  const info = String(await replica.call('INFO', 'replication'))
  return info.includes('role:slave') && info.includes('master_link_status:up') ? true : undefined
}

async function knowsReplicas(node: RedisServer, count: number): Promise<true | undefined> {
  const lines = String(await node.call('CLUSTER', 'NODES')).split('\n')
  return lines.filter((line) => / (myself,)?slave /.test(line)).length === count ? true : undefined
}
