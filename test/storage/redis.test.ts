/** The contract of stores on one Redis or Valkey. */
import type { OnClose } from '../support/cleanup.ts'
import { queryText, startRedis, versionOf, type ServerProgram } from '../support/redis/server.ts'
import { describeStoreOn, LEAST_RIGHTS, type Url } from './redis-contract.ts'

const REDIS = versionOf('redis-server')
const VALKEY = versionOf('valkey-server')

const single =
  (program: ServerProgram) =>
  async (onClose: OnClose): Promise<Url> => {
    const server = await startRedis({ program, onClose })
    return (query) => server.url(query)
  }

describeStoreOn(['redis-server'], `a store on ${REDIS}`, single('redis-server'))

describeStoreOn(['valkey-server'], `a store on ${VALKEY}`, single('valkey-server'))

describeStoreOn(
  ['redis-server'],
  `two stores on one ${REDIS}, calls in turn`,
  single('redis-server'),
  { stores: 2 },
)

describeStoreOn(
  ['redis-server'],
  `a store on the unix socket of ${REDIS}, as a user with the least rights`,
  async (onClose) => {
    const server = await startRedis({ onClose })
    await server.call('ACL', 'SETUSER', 'gateway', 'on', '>pass word', ...LEAST_RIGHTS)
    const address = `gateway:pass%20word@${server.socket}`
    return (query) => `redis+unix://${address}${queryText(query)}`
  },
)
