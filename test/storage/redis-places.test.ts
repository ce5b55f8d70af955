/** The contract of stores that are found through a cluster or Sentinels, and over TLS. */
import { useCertificates } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith } from '../support/programs.ts'
import { startRedisCluster } from '../support/redis/cluster.ts'
import { startSentinels } from '../support/redis/sentinels.ts'
import { queryText, startRedis, versionOf } from '../support/redis/server.ts'
import { describeStoreOn, LEAST_RIGHTS } from './redis-contract.ts'

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
      const { authority, server: own, client } = certificates()
      const port = await freePort()
      const server = await startRedis({
        program: 'valkey-server',
        onClose,
        config: [
          `tls-port ${port}`,
          `tls-cert-file ${own.cert}`,
          `tls-key-file ${own.key}`,
          `tls-ca-cert-file ${authority.cert}`,
          'tls-auth-clients yes',
        ],
      })
      await server.call('ACL', 'SETUSER', 'gateway', 'on', '>pass word', ...LEAST_RIGHTS)
      const files = { ca_file: authority.cert, cert_file: client.cert, key_file: client.key }
      const address = `gateway:pass%20word@127.0.0.1:${port}`
      return (query) => `rediss://${address}/0${queryText({ ...files, ...query })}`
    },
  )
})
