/** Connections that break, stall or deliver late in the middle of a write: it is made once, or not at all. */
import { expect, test } from '@jest/globals'
import type { StoreError } from '../../storage/errors.ts'
import type { ApplyResult } from '../../storage/group-store.ts'
import { describeWith } from '../support/programs.ts'
import { applied, contents, exists, headOf, readOne } from './contract/reading.ts'
import { family, fail, merge, remove, replace } from './contract/writes.ts'
import { failureOf, openStore, startBehindProxy, type BehindProxy } from './redis-stores.ts'

/** With the scripts loaded, so that a write is one request. */
async function start(): Promise<BehindProxy> {
  const all = await startBehindProxy()
  const { store } = all
  await applied(store, replace('first', [family('a')]))
  await applied(store, fail('first'))
  await applied(store, remove('first'))
  return all
}

const FIRST = 3

function push(key: string, data: string) {
  return replace(key, [family('a', { data })])
}

/** Long enough for a second attempt: the silence of a connection is noticed after two seconds. */
const OVERTAKEN_MS = 3_500

/** Its kind, or the code of the error. */
function answerOf(result: Promise<ApplyResult>): Promise<string> {
  return result.then(
    ({ kind }) => kind,
    (error: unknown) => (error as StoreError).code,
  )
}

describeWith('redis-server', 'a write whose reply is lost', () => {
  test.each([
    ['a replace', () => push('lost', '1')],
    ['a merge', () => merge('lost', [family('b')])],
    ['a failure', () => fail('lost')],
    ['a delete', () => remove('lost')],
  ])('is made once: %s', async (_name, make) => {
    const { store, direct, proxy, told } = await start()
    await applied(direct, push('lost', '0'))
    const cut = proxy.cutAfter('lost')
    const result = await store.apply(make())
    await cut
    expect(result).toMatchObject({ kind: 'applied', revision: FIRST + 2 })
    expect(await headOf(direct)).toMatchObject({ revision: FIRST + 2 })
    expect(told).toContain('retried')
    expect(await direct.verify()).toEqual([])
  })

  test('is not made again over what another one wrote in between', async () => {
    const { store, direct, proxy } = await start()
    const cut = proxy.cutAfter('lost')
    const write = store.apply(push('lost', 'old'))
    await cut
    await proxy.refuse()
    expect(await applied(direct, push('lost', 'new'))).toBe(FIRST + 2)
    await proxy.accept()
    expect(await write).toMatchObject({ kind: 'applied', revision: FIRST + 1 })
    expect(contents(await readOne(direct, 'lost'))).toEqual({ a: 'new' })
    expect(await headOf(direct)).toMatchObject({ revision: FIRST + 2 })
  })

  test('is not made again after a delete in between', async () => {
    const { store, direct, proxy } = await start()
    const cut = proxy.cutAfter('lost')
    const write = store.apply(push('lost', 'old'))
    await cut
    await proxy.refuse()
    await applied(direct, remove('lost'))
    await proxy.accept()
    expect(await write).toMatchObject({ kind: 'applied', revision: FIRST + 1 })
    expect(await exists(direct, 'lost')).toBe(false)
  })

  test('is made once, too, when the replies of several tries are lost', async () => {
    const { store, direct, proxy } = await start()
    const cuts = [0, 0, 0].map(() => proxy.cutAfter('lost'))
    const result = await store.apply(push('lost', '1'))
    await Promise.all(cuts)
    expect(result).toMatchObject({ kind: 'applied', revision: FIRST + 1 })
    expect(await headOf(direct)).toMatchObject({ revision: FIRST + 1 })
  })

  test('is made once when the connection falls silent instead of ending', async () => {
    const { store, direct, proxy } = await start()
    const silent = proxy.silenceAfter('lost')
    const result = await store.apply(push('lost', '1'))
    await silent
    expect(result).toMatchObject({ kind: 'applied', revision: FIRST + 1 })
    expect(await headOf(direct)).toMatchObject({ revision: FIRST + 1 })
  })

  test('is unconfirmed when no try is answered in time', async () => {
    const { store, direct, proxy } = await start()
    const cut = proxy.cutAfter('lost')
    const failure = failureOf(() => store.apply({ ...push('lost', '1'), timeoutMs: 600 }))
    await cut
    await proxy.refuse()
    const { error, afterMs } = await failure
    expect(error.code).toBe('unconfirmed')
    expect(afterMs).toBeGreaterThanOrEqual(595)
    expect(await exists(direct, 'lost')).toBe(true)
  })
})

describeWith('redis-server', 'a write that is held up on its way', () => {
  test('is not made after its deadline, and fails then and not before', async () => {
    const { store, direct, proxy } = await start()
    const held = proxy.holdBack('late')
    const failure = failureOf(() => store.apply({ ...push('late', '1'), timeoutMs: 500 }))
    await held.came
    const { error, afterMs } = await failure
    expect(['unavailable', 'unconfirmed']).toContain(error.code)
    expect(afterMs).toBeGreaterThanOrEqual(495)
    expect(afterMs).toBeLessThan(1500)
    await store.close()
    await held.release()
    expect(await exists(direct, 'late')).toBe(false)
    expect(await headOf(direct)).toMatchObject({ revision: FIRST })
  })

  test('is not made again when a further try overtook it', async () => {
    const { store, direct, proxy } = await start()
    const held = proxy.holdBack('slow')
    // The silence of the first connection is noticed after seconds; the second one is well.
    expect(await applied(store, push('slow', 'old'))).toBe(FIRST + 1)
    expect(await applied(store, push('slow', 'new'))).toBe(FIRST + 2)
    await held.release()
    expect(contents(await readOne(direct, 'slow'))).toEqual({ a: 'new' })
    expect(await headOf(direct)).toMatchObject({ revision: FIRST + 2 })
  })

  test('is not made after it was answered that a rule refuses it, though none would any more', async () => {
    const { store, direct, proxy } = await start()
    await applied(direct, replace('holder', [family('m', { type: 'counter' })]))
    const held = proxy.holdBack('slow')
    const write = replace('slow', [family('m')], { timeoutMs: OVERTAKEN_MS })
    expect(['refused', 'unconfirmed']).toContain(await answerOf(store.apply(write)))
    await applied(direct, remove('holder'))
    await held.release()
    expect(await exists(direct, 'slow')).toBe(false)
  })

  test('does not delete what came after it was answered that there is nothing to delete', async () => {
    const { store, direct, proxy } = await start()
    const held = proxy.holdBack('slow')
    const write = { ...remove('slow'), timeoutMs: OVERTAKEN_MS }
    expect(['unchanged', 'unconfirmed']).toContain(await answerOf(store.apply(write)))
    await applied(direct, push('slow', 'new'))
    await held.release()
    expect(await exists(direct, 'slow')).toBe(true)
  })

  test('is not made after it was answered that its guard does not hold', async () => {
    const { store, direct, proxy } = await start()
    await applied(direct, replace('other', [family('a')], { nameSet: 'n2' }))
    const held = proxy.holdBack('slow')
    const write = { ...push('slow', 'old'), timeoutMs: OVERTAKEN_MS }
    expect(['unguarded', 'unconfirmed']).toContain(await answerOf(store.apply(write)))
    await applied(direct, remove('other'))
    await held.release()
    expect(await exists(direct, 'slow')).toBe(false)
  })

  test('does not bring back a group that was deleted and forgotten since', async () => {
    const { server, store, proxy, prefix } = await start()
    const forgetful = await openStore(server.url({ prefix }), { tombstonesMax: 0 })
    const held = proxy.holdBack('slow')
    await applied(store, push('slow', 'old'))
    await applied(forgetful, remove('slow'))
    await forgetful.maintain()
    await held.release()
    expect(await exists(forgetful, 'slow')).toBe(false)
  })

  test('is made when it arrives in time, however slow the network is', async () => {
    const { store, proxy } = await start()
    proxy.delay(150)
    expect(await applied(store, push('slow', '1'))).toBe(FIRST + 1)
  })
})
