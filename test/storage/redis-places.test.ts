/** The contract of stores that are found through a cluster or Sentinels, and over TLS. */
import { expect, test } from '@jest/globals'
import { useCertificates } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith } from '../support/programs.ts'
import { startRedisCluster } from '../support/redis/cluster.ts'
import { startSentinels } from '../support/redis/sentinels.ts'
import { queryText, startRedis, tlsLines, versionOf } from '../support/redis/server.ts'
import { applied } from './contract/reading.ts'
import { replace } from './contract/writes.ts'
import { describeStoreOn, LEAST_RIGHTS } from './redis-contract.ts'
import { newPrefix, openStore } from './redis-stores.ts'

const REDIS = versionOf('redis-server')
const VALKEY = versionOf('valkey-server')

describeStoreOn(
  ['redis-server'],
  `a store on a cluster of three primaries of ${REDIS}`,
  async (onClose) => (await startRedisCluster({ onClose })).url,
)

describeStoreOn(
  ['redis-server', 'redis-sentinel'],
  `a store behind three Sentinels, each write confirmed by two replicas of ${REDIS}`,
  async (onClose) => {
    const sentinels = await startSentinels({ onClose })
    return (query) => sentinels.url({ ...query, wait: '2' })
  },
)

describeWith('openssl', 'with certificates', () => {
  const certificates = useCertificates()

  describeStoreOn(
    ['valkey-server'],
    `a store on ${VALKEY} over TLS with a client's certificate, as a user with the least rights`,
    async (onClose) => {
      const { authority, client } = certificates()
      const port = await freePort()
      const server = await startRedis({
        program: 'valkey-server',
        onClose,
        config: tlsLines(port, certificates()),
      })
      await server.call('ACL', 'SETUSER', 'gateway', 'on', '>pass word', ...LEAST_RIGHTS)
      const files = { ca_file: authority.cert, cert_file: client.cert, key_file: client.key }
      const address = `gateway:pass%20word@127.0.0.1:${port}`
      return (query) => `rediss://${address}/0${queryText({ ...files, ...query })}`
    },
  )

  describeWith('redis-server', `on a cluster of ${REDIS}`, () => {
    test('its nodes are talked to over TLS, too', async () => {
      const cluster = await startRedisCluster({ certificates: certificates() })
      const { authority, client } = certificates()
      const files = { ca_file: authority.cert, cert_file: client.cert, key_file: client.key }
      const prefix = newPrefix()
      const store = await openStore(cluster.url({ prefix, ...files }))
      await applied(store, replace('g', []))
      const owner = await cluster.ownerOf(`{${prefix}}`)
      const clients = String(await owner.call('CLIENT', 'LIST'))
      expect(clients).toMatch(/name=sluice/)
    })
  })
})
