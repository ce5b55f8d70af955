/** The file of --web.config.file. */
import { parseWebConfig, WebConfigError } from '../../../server/config/web-config.ts'
import { outcomeOf, type Target } from '../target.ts'
import { WEB_CONFIG_TOKENS } from '../tokens.ts'

/** The operator writes it: nobody needs to be safe from a megabyte of brackets. */
const FILE_BYTES_MAX = 8192

const HASH = `$2y$10$${'a'.repeat(53)}`

const FILES = [
  'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [a, b]\n  min_version: TLS12\n  cipher_suites:\n    - TLS_AES_128_GCM_SHA256\n  curve_preferences: [X25519]\n',
  'http_server_config:\n  http2: no\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=1\n',
  `basic_auth_users:\n  alice: ${HASH}\n  "bob": '${HASH}'\n`,
  'rate_limit:\n  interval: 1s\n  burst: 20\n',
  'a: &a [1]\nb: [*a, *a]\n',
  '',
].map((text) => Buffer.from(text))

export function webConfigTarget(): Target {
  return {
    name: 'web-config',
    seeds: FILES,
    tokens: WEB_CONFIG_TOKENS,
    executionsASecond: 500,
    run: (input) =>
      outcomeOf(
        () => void parseWebConfig(input.toString('utf8', 0, FILE_BYTES_MAX), '/etc/sluice'),
        (error) => error instanceof WebConfigError,
      ),
  }
}
