import { expect, test } from '@jest/globals'
import path from 'node:path'
import { StoreError } from '../../storage/errors.ts'
import { openStore } from '../../storage/open.ts'
import { closeAfterTest, temporaryFolder } from '../support/cleanup.ts'
import { applied } from './contract/reading.ts'
import { replace } from './contract/writes.ts'
import { openDatabase } from './sqlite-files.ts'

test('memory: is a store in this process', async () => {
  const store = await openStore('memory:')
  closeAfterTest(() => store.close())
  await applied(store, replace('g', []))
  expect(await store.status()).toMatchObject({ driver: 'memory', groups: 1 })
})

test.each(['', '?synchronous=full', '?synchronous=normal', '?shared_filesystem=allow', '?'])(
  'sqlite:PATH%s is a database file',
  async (query) => {
    const file = path.join(temporaryFolder(), 'a b.db')
    const store = await openStore(`sqlite:${file}${query}`)
    closeAfterTest(() => store.close())
    await applied(store, replace('g', []))
    expect(await store.status()).toMatchObject({ driver: 'sqlite', groups: 1 })
    expect(openDatabase(file).prepare('SELECT count(*) FROM groups').pluck().get()).toBe(1)
    expect(store.url).toBe(`sqlite:${file}`)
  },
)

test.each([
  '',
  'nonsense',
  'sqlite',
  'sqlite:',
  'sqlite:?synchronous=full',
  'memory:x',
  'SQLITE:x.db',
  'postgres://localhost/x',
  'sqlite:x.db?synchronous=off',
  'sqlite:x.db?synchronous=FULL',
  'sqlite:x.db?shared_filesystem=maybe',
  'sqlite:x.db?unknown=1',
])('%j is refused, and the message names it', async (url) => {
  const error: unknown = await openStore(url).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(StoreError)
  expect(error).toMatchObject({ code: 'unusable' })
  expect((error as StoreError).message).toContain(JSON.stringify(url))
})
