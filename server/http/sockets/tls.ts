/** TLS as the web configuration wants it, in the terms of node:tls. */
import {
  createSecureContext,
  DEFAULT_CIPHERS,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls'
import { WebConfigError, type TlsConfig, type TlsVersion } from '../../config/web-config.ts'

/** TLS settings with their certificates and keys, PEM. */
export interface TlsMaterial {
  readonly config: TlsConfig
  readonly cert: string
  readonly key: string
  readonly clientCa: string | undefined
}

/** Always on, as in Go; they are named so that naming others does not turn TLS 1.3 off. */
const TLS_1_3_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
]

/**
 * What can be changed while a server runs: certificates, versions, ciphers and curves.
 *
 * @throws WebConfigError when certificate and key do not fit, or are none
 */
export function secureContextOptions({
  config,
  cert,
  key,
  clientCa,
}: TlsMaterial): SecureContextOptions {
  const { ciphers, curves, prefersServerCiphers, minVersion, maxVersion } = config
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion,
    maxVersion,
    honorCipherOrder: prefersServerCiphers,
    ...(clientCa === undefined ? {} : { ca: clientCa }),
    ...cipherOption(ciphers, minVersion),
    ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(':') }),
  }
  try {
    createSecureContext(options)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new WebConfigError(
      `tls_server_config: certificate, key and settings cannot be used together: ${reason}`,
    )
  }
  return options
}

function cipherOption(
  ciphers: readonly string[],
  minVersion: TlsVersion,
): { readonly ciphers?: string } {
  // OpenSSL's level 1 has no signatures that TLS 1.0 and 1.1 could use: who asks for these wants level 0.
  const level = minVersion < 'TLSv1.2' ? '@SECLEVEL=0' : ''
  if (ciphers.length === 0) return level === '' ? {} : { ciphers: `${DEFAULT_CIPHERS}:${level}` }
  return { ciphers: [...TLS_1_3_CIPHERS, ...ciphers].join(':') + (level && `:${level}`) }
}

/** Whether clients are asked for certificates, and need a valid one. */
export function clientAuthOptions({ clientAuthType }: TlsConfig): {
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
} {
  return {
    requestCert: clientAuthType !== 'NoClientCert',
    rejectUnauthorized: clientAuthType === 'RequireAndVerifyClientCert',
  }
}

/**
 * Why a client must not stay connected, by what its certificate is and says; undefined when it may. OpenSSL by
 * itself only knows "any certificate or none" and "a valid one".
 */
export function refusalOfClient(socket: TLSSocket, config: TlsConfig): string | undefined {
  const { clientAuthType, clientAllowedSans } = config
  if (clientAuthType === 'NoClientCert' || clientAuthType === 'RequestClientCert') return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) {
    return clientAuthType === 'VerifyClientCertIfGiven' ? undefined : 'it has no certificate'
  }
  if (clientAuthType !== 'RequireAnyClientCert' && !socket.authorized) {
    return `its certificate is not valid: ${String(socket.authorizationError)}`
  }
  if (clientAllowedSans === undefined) return undefined
  const allowed = new Set(clientAllowedSans.map(canonicalName))
  const names = namesIn(certificate.subjectAltName ?? '')
  return names.some((name) => allowed.has(name))
    ? undefined
    : 'its certificate has none of the client_allowed_sans'
}

/** The names of a certificate as Node writes them: `DNS:a, IP Address:127.0.0.1, URI:"b,c"`. */
function namesIn(subjectAltName: string): string[] {
  const entry = /(DNS|IP Address|email|URI):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g
  return [...subjectAltName.matchAll(entry)].map(([, , name = '']) =>
    canonicalName(name.startsWith('"') ? (JSON.parse(name) as string) : name),
  )
}

/** IPv6 addresses have many spellings; other names have one. */
function canonicalName(name: string): string {
  if (!/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(name)) return name
  return URL.canParse(`http://[${name}]`) ? new URL(`http://[${name}]`).hostname : name
}
