/** Certificates for tests of TLS, made by openssl: an authority, a server of 127.0.0.1 and clients. */
import { afterAll, beforeAll } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { needProgram } from './programs.ts'

/** The paths of two PEM files. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface Certificates {
  readonly folder: string
  /** Of the authority that signed the others, but for `stranger`. */
  readonly authority: KeyPair
  /** For localhost and 127.0.0.1. */
  readonly server: KeyPair
  /** Another one for the same names, with the serial number 4242. */
  readonly renewed: KeyPair
  /** With the alternative names given to `useCertificates`. */
  readonly client: KeyPair
  /** With no alternative names. */
  readonly nameless: KeyPair
  /** Signed by itself. */
  readonly stranger: KeyPair
}

/** Makes them before the tests of a suite and removes them afterwards. */
export function useCertificates(
  clientNames: readonly string[] = ['DNS:batch.example.org'],
): () => Certificates {
  let made: Certificates | undefined
  beforeAll(() => {
    made = makeCertificates(
      mkdtempSync(path.join(os.tmpdir(), 'sluice-certificates-')),
      clientNames,
    )
  })
  afterAll(() => {
    if (made !== undefined) rmSync(made.folder, { recursive: true, force: true })
  })
  return () => {
    if (made === undefined) throw new Error('certificates are there only while a test runs')
    return made
  }
}

export function read(file: string): string {
  return readFileSync(file, 'utf8')
}

function makeCertificates(folder: string, clientNames: readonly string[]): Certificates {
  const openssl = needProgram('openssl')
  const authority = pairAt(folder, 'authority')
  const make = (
    name: string,
    { extensions = '', signed = true, more = [] as string[] } = {},
  ): KeyPair => {
    const pair = pairAt(folder, name)
    const config = path.join(folder, `${name}.cnf`)
    writeFileSync(config, `[req]\ndistinguished_name = dn\n[dn]\n[extensions]\n${extensions}`)
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
    const into = ['-keyout', pair.key, '-out', pair.cert, '-days', '2', '-subj', `/CN=${name}`]
    const by = signed ? ['-CA', authority.cert, '-CAkey', authority.key] : []
    const how = ['-config', config, '-extensions', 'extensions']
    execFileSync(openssl, ['req', '-x509', ...key, ...into, ...how, ...by, ...more], {
      stdio: 'pipe',
    })
    return pair
  }
  make('authority', { extensions: 'basicConstraints = critical,CA:TRUE\n', signed: false })
  const here = alternativeNames(['DNS:localhost', 'IP:127.0.0.1'])
  const client = alternativeNames(clientNames)
  return {
    folder,
    authority,
    server: make('server', { extensions: here }),
    renewed: make('renewed', { extensions: here, more: ['-set_serial', '4242'] }),
    client: make('client', { extensions: client }),
    nameless: make('nameless', { extensions: 'keyUsage = digitalSignature\n' }),
    stranger: make('stranger', { extensions: client, signed: false }),
  }
}

/** @param names such as `DNS:localhost`; a section of their own, since a line could not hold a comma */
function alternativeNames(names: readonly string[]): string {
  const lines = names.map((name, i) => name.replace(':', `.${i} = `))
  return `subjectAltName = @names\n[names]\n${lines.join('\n')}\n`
}

function pairAt(folder: string, name: string): KeyPair {
  return { cert: path.join(folder, `${name}.pem`), key: path.join(folder, `${name}.key`) }
}
