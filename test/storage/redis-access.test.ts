/** Servers that cannot be used as they are, and what is said about that: clearly, and without passwords. */
import { expect, test } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { useCertificates } from '../support/certificates.ts'
import { temporaryFolder, useForSuite } from '../support/cleanup.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith } from '../support/programs.ts'
import { startSentinels } from '../support/redis/sentinels.ts'
import { startRedis, tlsLines, type RedisServer } from '../support/redis/server.ts'
import { applied } from './contract/reading.ts'
import { family, remove, replace } from './contract/writes.ts'
import { LEAST_RIGHTS } from './redis-contract.ts'
import { failureOf, newPrefix, openStore } from './redis-stores.ts'

/** What opening a store throws. */
async function refusal(url: string, password = ''): Promise<string> {
  const { error } = await failureOf(() => openStore(url))
  expect(error.code).toBe('unusable')
  let all = ''
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    all += `${one.message}\n${one.stack}\n`
  }
  if (password !== '') expect(all).not.toContain(password)
  return error.message
}

async function withUser(...rules: string[]): Promise<RedisServer> {
  const server = await startRedis()
  await server.call('ACL', 'SETUSER', 'gateway', 'on', '>secret', ...rules)
  await server.call('ACL', 'SETUSER', 'default', 'off')
  return server
}

describeWith('redis-server', 'logging in', () => {
  test.each([
    ['a wrong password', 'gateway:wr0ng@', 'wr0ng'],
    ['a wrong password of the default user', ':wr0ng@', 'wr0ng'],
    ['an unknown user', 'nobody:secret@', 'secret'],
    ['no password', '', ''],
  ])('with %s is refused, and the message repeats no password', async (_name, login, password) => {
    const server = await withUser('~*', '+@all')
    const message = await refusal(`redis://${login}${server.address}/0`, password)
    expect(message).toContain(server.address)
  })

  test('with the right one works, and the URL that is shown has none', async () => {
    const server = await withUser(...LEAST_RIGHTS)
    const url = `redis://gateway:secret@${server.address}/0?prefix=${newPrefix()}`
    const store = await openStore(url)
    await applied(store, replace('g', []))
    expect(store.url).toContain(server.address)
    expect(store.url).not.toContain('secret')
  })

  test('with a password from outside the URL works', async () => {
    const server = await withUser(...LEAST_RIGHTS)
    const url = `redis://gateway@${server.address}/0?prefix=${newPrefix()}`
    const store = await openStore(url, { secrets: { password: 'secret' } })
    await applied(store, replace('g', []))
  })

  test.each(['p/ss', 'p@ss', 'p?ss', 'p#ss', 'p:ss', 'p ss', 'p%ss'])(
    'with a password that is not encoded, %j, is refused or works, and no message repeats it',
    async (password) => {
      const server = await startRedis()
      await server.call('ACL', 'SETUSER', 'gateway', 'on', `>${password}`, ...LEAST_RIGHTS)
      const url = `redis://gateway:${password}@${server.address}/0?prefix=${newPrefix()}`
      const outcome = await openStore(url).then(
        (store) => store.url,
        (error: unknown) => String(error),
      )
      expect(outcome).not.toContain(password)
      expect(outcome).not.toContain('ss@')
    },
  )
})

describeWith('redis-server', 'a user who may do too little', () => {
  test.each([
    ['run scripts', ['~*', '+@all', '-evalsha', '-eval']],
    ['write hashes', ['~*', '+@all', '-hset']],
    ['touch the keys of the prefix', ['~other:*', '+@all']],
  ])('and may not %s is refused', async (_name, rules) => {
    const server = await withUser(...rules)
    const message = await refusal(
      `redis://gateway:secret@${server.address}/0?prefix=${newPrefix()}`,
      'secret',
    )
    expect(message).toMatch(/refused|permission|NOPERM|can't run/i)
  })

  test.each(['setrange', 'zadd', 'unlink', 'hdel'])(
    'is told so before anything is written, when only %s is missing',
    async (command) => {
      const server = await startRedis()
      const rules = ['on', '>secret', '~*', '+@all', `-${command}`]
      await server.call('ACL', 'SETUSER', 'gateway', ...rules)
      const prefix = newPrefix()
      const { error } = await failureOf(async () => {
        const store = await openStore(`redis://gateway:secret@${server.address}/0?prefix=${prefix}`)
        await applied(store, replace('g', [family('a')]))
        await applied(store, remove('g'))
      })
      expect(error.code).toBe('unusable')
      expect(error.message).not.toContain('secret')
      expect(await server.call('KEYS', `{${prefix}}:group:*`)).toEqual([])
    },
  )
})

describeWith('redis-server', 'a store that is not ours to use', () => {
  test('of a newer format is refused, and both formats are named', async () => {
    const server = await startRedis()
    const prefix = newPrefix()
    await (await openStore(server.url({ prefix }))).close()
    await server.call('HSET', `{${prefix}}:store`, 'format', 97)
    const message = await refusal(server.url({ prefix }))
    expect(message).toContain('97')
    expect(message).toMatch(/\b1\b/)
  })

  test('where somebody else has a hash in its place is refused, and the hash is left as it is', async () => {
    const server = await startRedis()
    const prefix = newPrefix()
    await server.call('HSET', `{${prefix}}:store`, 'theirs', 'yes')
    const { error } = await failureOf(() => openStore(server.url({ prefix })))
    expect(['unusable', 'corrupt']).toContain(error.code)
    expect(await server.call('HGETALL', `{${prefix}}:store`)).toEqual(['theirs', 'yes'])
  })

  test('where a key of another type is in its place is refused, and the key is left as it is', async () => {
    const server = await startRedis()
    const prefix = newPrefix()
    await server.call('SET', `{${prefix}}:store`, 'theirs')
    const { error } = await failureOf(() => openStore(server.url({ prefix })))
    expect(['unusable', 'corrupt']).toContain(error.code)
    expect(await server.call('GET', `{${prefix}}:store`)).toBe('theirs')
  })

  test.each(['claims', 'partitions', 'changes', 'tombstones', 'nonces', 'group:g'])(
    'where a key of another type is in the place of %s is taken for damaged, before anything is written',
    async (name) => {
      const server = await startRedis()
      const prefix = newPrefix()
      const wrong = name === 'nonces' ? ['SADD', 'theirs'] : ['SET', 'theirs']
      await server.call(wrong[0]!, `{${prefix}}:${name}`, wrong[1]!)
      const { error, afterMs } = await failureOf(async () => {
        const store = await openStore(server.url({ prefix }))
        await applied(store, replace('g', [family('a')]))
      })
      expect(error.code).toBe('corrupt')
      expect(afterMs).toBeLessThan(5_000)
      const keys = (await server.call('KEYS', `{${prefix}}:*`)) as string[]
      expect(keys.filter((key) => !key.endsWith(':store'))).toEqual([`{${prefix}}:${name}`])
    },
  )
})

describeWith('redis-server', 'the number of a database', () => {
  test('that the server does not have is refused, and no other one is taken', async () => {
    const server = await startRedis()
    const outcome = await openStore(`redis://${server.address}/99?prefix=${newPrefix()}`).then(
      async (store) => String((await store.status()).unavailable),
      (error: unknown) => String(error),
    )
    expect(outcome).toMatch(/99|index|database/)
    expect(await server.call('DBSIZE')).toBe(0)
  })

  test('that the user may not select is refused, and no other one is taken', async () => {
    const server = await withUser(...LEAST_RIGHTS)
    const message = await refusal(
      `redis://gateway:secret@${server.address}/3?prefix=${newPrefix()}`,
      'secret',
    )
    expect(message).toMatch(/select|NOPERM|permission/i)
  })
})

describeWith('redis-server', 'how a server keeps its data', () => {
  async function warnings(query: Record<string, string>, ...config: string[]): Promise<string[]> {
    const server = await startRedis({ config })
    const told: string[] = []
    const url = server.url({ prefix: newPrefix(), ...query })
    await openStore(url, { events: { warning: (message) => void told.push(message) } })
    return told
  }

  test('is no cause for a warning when each write is on disk', async () => {
    expect(await warnings({}, 'appendonly yes', 'appendfsync always')).toEqual([])
  })

  test.each([
    [['appendonly no', 'save ""'], /keeps nothing/],
    [['appendonly no', 'save 60 1'], /appendonly/],
    [['appendonly yes', 'appendfsync no'], /appendfsync/],
  ])('is warned of once with %j', async (config, what) => {
    expect(await warnings({}, ...config)).toEqual([expect.stringMatching(what)])
  })

  test('is warned of when more replicas have to confirm than there are', async () => {
    const told = await warnings({ wait: '1' }, 'appendonly yes', 'appendfsync always')
    expect(told).toEqual([expect.stringMatching(/wait=1.*0 replicas/)])
  })
})

describeWith(['redis-server', 'openssl'], 'over TLS', () => {
  const certificates = useCertificates()

  test('a server that another authority vouches for is not talked to, and the reason is told', async () => {
    const { authority, stranger, client } = certificates()
    const port = await freePort()
    await startRedis({
      config: tlsLines(port, certificates()),
    })
    const pair = `cert_file=${client.cert}&key_file=${client.key}`
    const url = `rediss://127.0.0.1:${port}/0?prefix=${newPrefix()}&${pair}`
    const trusted = await openStore(`${url}&ca_file=${authority.cert}`)
    await applied(trusted, replace('g', []))
    const outcome = await openStore(`${url}&ca_file=${stranger.cert}`).then(
      async (store) => (await store.status()).unavailable,
      (error: unknown) => String(error),
    )
    expect(outcome).toMatch(/certificate/i)
  })
})

describeWith(
  ['redis-server', 'redis-sentinel'],
  'Sentinels and servers that want passwords',
  () => {
    const passwords = { servers: 'server-secret', sentinels: 'sentinel-secret' }
    const sentinels = useForSuite((onClose) => startSentinels({ passwords, onClose }))

    function fileWith(text: string): string {
      const file = path.join(temporaryFolder(), 'password')
      writeFileSync(file, text)
      return file
    }

    test('get them from files, whose last line feed does not count', async () => {
      const store = await openStore(
        sentinels().url({
          prefix: newPrefix(),
          password_file: fileWith('server-secret\n'),
          sentinel_password_file: fileWith('sentinel-secret\n'),
        }),
      )
      await applied(store, replace('g', []))
    })

    test('get them from outside the URL', async () => {
      const secrets = { password: 'server-secret', sentinelPassword: 'sentinel-secret' }
      const store = await openStore(sentinels().url({ prefix: newPrefix() }), { secrets })
      await applied(store, replace('g', []))
    })

    test.each([
      ['the servers', 'wr0ng', 'sentinel-secret'],
      ['the Sentinels', 'server-secret', 'wr0ng'],
    ])('say so to who has the wrong one for %s', async (_name, password, sentinelPassword) => {
      const url = sentinels().url({
        prefix: newPrefix(),
        password_file: fileWith(password),
        sentinel_password_file: fileWith(sentinelPassword),
      })
      const said = await openStore(url).then(
        async (store) => String((await store.status()).unavailable),
        (error: unknown) => String(error),
      )
      expect(said).toMatch(/password|WRONGPASS|NOAUTH/)
      expect(said).not.toMatch(/wr0ng|-secret/)
    })
  },
)
