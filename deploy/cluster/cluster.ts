/**
 * The topology of docker-compose.yml on the loopback interface, from the same configuration files
 * with the programs of this host: Redis with replicas and Sentinels, gateways, HAProxy, Prometheus.
 */
import type { Member } from './member.ts'

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
  /** Where data and logs go; a temporary folder by default. It is removed when the cluster stops. */
  readonly folder?: string
}

export interface RedisOptions {
  /** How many servers, the primary included; 3 by default. */
  readonly servers?: number
  /** How many Sentinels; 3 by default. */
  readonly sentinels?: number
  /** Settings over those of deploy/redis/redis.conf, for example `{ appendfsync: 'always' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Programs to run: `redis-server` and `redis-sentinel` by default; Valkey's work too. */
  readonly server?: string
  readonly sentinel?: string
}

export interface StoreAddresses {
  /** `host:port` of each server; the first one begins as primary. */
  readonly redis: readonly string[]
  readonly sentinels: readonly string[]
}

export interface HttpMember extends Member {
  readonly url: string
}

export interface Cluster {
  /** HAProxy's, where clients push and Prometheus scrapes. */
  readonly url: string
  readonly gateways: readonly HttpMember[]
  readonly redis: readonly Member[]
  readonly sentinels: readonly Member[]
  readonly haproxy: HttpMember
  readonly prometheus: HttpMember | undefined
  /** HAProxy's page of who is up. */
  readonly statsUrl: string
  /** Of Redis and the Sentinels. */
  readonly password: string
  readonly folder: string
  /** Index in `redis` of the primary that the Sentinels name now. */
  primary(): Promise<number>
  /** Ends every member and removes the folder. */
  stop(): Promise<void>
}

/** Starts everything and waits until a push through HAProxy would be answered. Leaves nothing behind when it fails. */
export async function startCluster(_options: ClusterOptions = {}): Promise<Cluster> {
  throw new Error('not there yet')
}
