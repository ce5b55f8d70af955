/** Connections and sections of the web configuration for tests of TLS. */
import tls from 'node:tls'
import { closeAfterTest } from './cleanup.ts'
import { read, type KeyPair } from './certificates.ts'

/** YAML of the TLS section: a certificate, and more lines. */
export function tlsSection({ cert, key }: KeyPair, ...more: string[]): string {
  const lines = [`cert_file: ${cert}`, `key_file: ${key}`, ...more]
  return `tls_server_config:\n${lines.map((line) => `  ${line}\n`).join('')}`
}

/** A client's own certificate, as options of a connection. */
export function pairOf({ cert, key }: KeyPair): { readonly cert: string; readonly key: string } {
  return { cert: read(cert), key: read(key) }
}

/** A connection after its handshake; it is closed after the test. */
export function handshake(
  url: string,
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = tls.connect(
      { host: hostname, port: Number(port), rejectUnauthorized: false, ...options },
      () => resolve(socket),
    )
    socket.on('error', reject)
    closeAfterTest(() => void socket.destroy())
  })
}
