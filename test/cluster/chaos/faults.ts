/** What is done to a cluster while clients use it. Each fault ends with everything as it was before. */
import { setTimeout as sleep } from 'node:timers/promises'
import { callRedis, replyFields } from '../../../deploy/cluster/ask.ts'
import type { Cluster, GatewayMember } from '../../../deploy/cluster/cluster.ts'
import { until, type Member } from '../../../deploy/cluster/member.ts'
import type { Random } from '../../storage/random.ts'
import type { Recorder } from '../load/recorder.ts'
import type { Surroundings } from './settings.ts'

export interface FaultContext extends Surroundings {
  readonly random: Random
  readonly recorder: Recorder
}

type Fault = (context: FaultContext) => Promise<void>

/** After a fault everything is back within this time, or the run fails. */
// An attempt of the Sentinels that fails is repeated after 40 s.
const RECOVERY_MS = 120_000

export const FAULTS = {
  'replica killed': async (context) => {
    const gateway = pickGateway(context)
    await gateway.kill()
    await hold(context, 100, 1500)
    await bringBack(gateway)
  },

  'replica paused': async (context) => {
    await pauseFor(context, pickGateway(context), 500, 4000)
  },

  'rolling restart': async ({ cluster }) => {
    for (const gateway of cluster.gateways) {
      await gateway.stop()
      await bringBack(gateway)
    }
  },

  'store killed': async (context) => {
    const [redis] = context.cluster.redis
    await redis!.kill()
    await hold(context, 100, 2000)
    await redis!.start()
  },

  'store paused': async (context) => {
    await pauseFor(context, context.cluster.redis[0]!, 500, 4000)
  },

  'store refuses': async (context) => {
    const proxy = context.random.pick(context.proxies)
    await proxy.refuse()
    await hold(context, 500, 4000)
    await proxy.accept()
  },

  /** Commands arrive late, some of them after their time is up. */
  'store stalls': async (context) => {
    const proxy = context.random.pick(context.proxies)
    const from = context.recorder.now()
    proxy.hold(...pickDirections(context))
    await hold(context, 1000, 6000)
    proxy.forward()
    context.recorder.paused({ from, until: context.recorder.now() })
  },

  'store unreachable': async (context) => {
    const proxy = context.random.pick(context.proxies)
    proxy.swallow(...pickDirections(context))
    await hold(context, 1000, 6000)
    proxy.forward()
  },

  'store slow': async (context) => {
    const proxy = context.random.pick(context.proxies)
    const ms = 10 + context.random.below(150)
    proxy.delay(ms)
    await hold(context, 1000, 4000)
    // What is on its way arrives before what comes after it, as on any connection.
    proxy.hold('requests', 'replies')
    await sleep(2 * ms)
    proxy.forward()
  },

  'memory full': async (context) => {
    const { cluster } = context
    const set = (bytes: string): Promise<unknown> =>
      Promise.all(
        cluster.redis.map(({ port }) =>
          callRedis(port, cluster.password, 'CONFIG', 'SET', 'maxmemory', bytes),
        ),
      )
    await set('1')
    await hold(context, 500, 3000)
    await set('1gb')
  },

  'store replica killed': async (context) => {
    const { cluster, random } = context
    const primary = cluster.redis[await cluster.primary()]
    const replica = random.pick(cluster.redis.filter((member) => member !== primary))
    await replica.kill()
    await hold(context, 500, 3000)
    await replica.start()
    await reach('the replicas to be in step', () => isInStep(context))
  },

  'primary killed': async (context) => {
    await replacePrimary(context, async (primary, begin) => {
      begin()
      await primary.kill()
      return async () => {
        await hold(context, 100, 2000)
        await primary.start()
      }
    })
  },

  'primary paused': async (context) => {
    await replacePrimary(context, async (primary, begin) => {
      begin()
      primary.pause()
      return async () => {
        await hold(context, 0, 2000)
        primary.resume()
      }
    })
  },

  /** What the primary took last, no replica has. */
  'primary killed ahead of all': async (context) => {
    await replacePrimary(context, async (primary, begin) => {
      const replicas = context.cluster.redis.filter((member) => member !== primary)
      for (const replica of replicas) replica.pause()
      await hold(context, 200, 1000)
      begin()
      await primary.kill()
      await Promise.all(replicas.map(forgetUnread))
      return async () => {
        await hold(context, 100, 2000)
        await primary.start()
      }
    })
  },

  /** The replica that is left to take over is not the one that had everything. */
  'primary killed with its best replica away': async (context) => {
    await replacePrimary(context, async (primary, begin) => {
      const replicas = context.cluster.redis.filter((member) => member !== primary)
      const [ahead, behind] = context.random.chance(0.5) ? replicas : replicas.reverse()
      behind!.pause()
      await hold(context, 200, 1000)
      begin()
      await primary.kill()
      ahead!.pause()
      await forgetUnread(behind!)
      return async () => {
        ahead!.resume()
        await primary.start()
      }
    })
  },
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof FAULTS

/** What was sent to a paused server waits for it in the system's buffers, unless the server begins anew. */
async function forgetUnread(replica: Member): Promise<void> {
  await replica.kill()
  await replica.start()
}

/** @param fail takes the primary away, says so when it does, and returns what brings it back */
async function replacePrimary(
  context: FaultContext,
  fail: (primary: Member, begin: () => void) => Promise<() => Promise<void>>,
): Promise<void> {
  const { cluster, recorder } = context
  const old = await cluster.primary()
  let from = recorder.now()
  const bringBackOld = await fail(cluster.redis[old]!, () => (from = recorder.now()))
  await reach('another primary', async () => (await primaryOfAll(context)) !== old)
  // From here on the old one is nobody's source any more, also when it comes back and does not know yet.
  recorder.failedOver({ from, until: recorder.now() })
  await bringBackOld()
  await reach('the old primary to follow', () => isInStep(context))
  recorder.paused({ from, until: recorder.now() })
}

/** The primary that all Sentinels name, when it says the same of itself. */
async function primaryOfAll({ cluster }: FaultContext): Promise<number> {
  const named = await Promise.all(
    cluster.sentinels.map(async ({ port }) => {
      const state = replyFields(
        await callRedis(port, cluster.password, 'SENTINEL', 'MASTER', 'mymaster'),
      )
      return Number(state.get('port'))
    }),
  )
  const index = cluster.redis.findIndex(({ port }) => named.every((other) => other === port))
  if (index < 0) throw new Error('the Sentinels do not agree')
  const info = await replicationOf(cluster, index)
  if (!info.includes('role:master')) throw new Error('it is no primary yet')
  return index
}

async function isInStep({ cluster }: FaultContext): Promise<boolean> {
  const primary = await cluster.primary()
  const infos = await Promise.all(cluster.redis.map((_, index) => replicationOf(cluster, index)))
  return infos.every((info, index) =>
    index === primary
      ? info.split('state=online').length === cluster.redis.length
      : info.includes('role:slave') && info.includes('master_link_status:up'),
  )
}

async function replicationOf({ redis, password }: Cluster, index: number): Promise<string> {
  return String(await callRedis(redis[index]!.port, password, 'INFO', 'replication'))
}

async function pauseFor(
  context: FaultContext,
  member: Member,
  shortestMs: number,
  longestMs: number,
): Promise<void> {
  const { recorder } = context
  const from = recorder.now()
  member.pause()
  await hold(context, shortestMs, longestMs)
  member.resume()
  recorder.paused({ from, until: recorder.now() })
}

async function bringBack(gateway: GatewayMember): Promise<void> {
  await gateway.start()
  await reach(`${gateway.name} to be ready`, () => gateway.isReady())
}

async function reach(what: string, holds: () => Promise<boolean>): Promise<void> {
  const reached = await until(() => holds().catch(() => false), RECOVERY_MS)
  if (!reached) throw new Error(`waited ${RECOVERY_MS} ms for ${what}`)
}

function pickGateway({ cluster, random }: FaultContext): GatewayMember {
  return random.pick(cluster.gateways)
}

function pickDirections({ random }: FaultContext): ('requests' | 'replies')[] {
  return random.pick([['requests'], ['replies'], ['requests', 'replies']] as const).slice()
}

function hold({ random }: FaultContext, shortestMs: number, longestMs: number): Promise<void> {
  return sleep(shortestMs + random.below(longestMs - shortestMs))
}
