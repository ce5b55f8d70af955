import { describe, expect, test } from '@jest/globals'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { parseDuration } from '../../server/config/duration.ts'
import { parseFlags } from '../../server/config/parse-flags.ts'
import { settingsFrom, type Settings } from '../../server/config/settings.ts'
import { parseRedisUrl } from '../../storage/redis/redis-url.ts'
import { temporaryFolder } from '../support/cleanup.ts'
import { mounts, readCompose, type ComposeFile, type ComposeService } from '../support/compose.ts'
import { send } from '../support/http.ts'
import { startGateway } from '../support/program.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const SMALL = readdirSync(path.join(ROOT, 'deploy/compose')).map((name) => `deploy/compose/${name}`)
const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  version: string
}
const IMAGE = `sluice:${version}`

function compose(file: string): ComposeFile {
  return readCompose(path.join(ROOT, file))
}

function isGateway({ image }: ComposeService): boolean {
  return image === IMAGE
}

/** What a gateway of a compose file is told; fails where a flag or variable is not understood. */
function settingsOf({ command = [], environment = {} }: ComposeService): Settings {
  const settings = settingsFrom(parseFlags(command, environment))
  expect(settings.warnings).toEqual([])
  return settings
}

describe.each(['docker-compose.yml', ...SMALL])('%s', (name) => {
  const { services, volumes, networks, folder } = compose(name)

  test('mounts only files that are there, read-only, and volumes that it declares', () => {
    for (const service of Object.values(services)) {
      for (const [source = '', target, options] of mounts(service)) {
        expect(target).toMatch(/^\//)
        if (!source.startsWith('.')) expect(Object.keys(volumes)).toContain(source)
        else expect([existsSync(path.join(folder, source)), options]).toEqual([true, 'ro'])
      }
    }
  })

  test('pins each image to a version, and builds ours from the repository', () => {
    for (const service of Object.values(services)) {
      expect(service.image).toMatch(/^[a-z/]+:v?\d+\.\d+\.\d+(-alpine)?$/)
      if (!isGateway(service)) continue
      expect(path.resolve(folder, service.build?.context ?? '')).toBe(ROOT)
      expect(service.build?.dockerfile).toBe('deploy/Dockerfile')
    }
  })

  test('tells gateways nothing that they do not understand', () => {
    const gateways = Object.values(services).filter(isGateway)
    expect(gateways.length).toBeGreaterThan(0)
    for (const gateway of gateways) {
      expect(settingsOf(gateway).listenAddresses).toEqual([
        { kind: 'tcp', host: undefined, port: 9091 },
      ])
    }
  })

  test('starts everything again, and names only services and networks that are there', () => {
    for (const service of Object.values(services)) {
      expect(service.restart).toBe('unless-stopped')
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(condition).toBe('service_healthy')
        // The image of the gateways brings its own check.
        const { [needed]: other } = services
        expect(other?.healthcheck !== undefined || other?.image === IMAGE).toBe(true)
      }
      const names = Array.isArray(service.networks)
        ? (service.networks as string[])
        : Object.keys(service.networks ?? {})
      for (const network of names) expect(Object.keys(networks)).toContain(network)
    }
  })
})

describe('docker-compose.yml', () => {
  const { services, needed, networks } = compose('docker-compose.yml')
  const gateways = ['sluice-1', 'sluice-2', 'sluice-3']
  const sentinels = ['sentinel-1', 'sentinel-2', 'sentinel-3']
  const redis = ['redis-1', 'redis-2', 'redis-3']

  function addressOf(name: string): string {
    const attached = services[name]!.networks as Record<string, { ipv4_address: string }>
    return attached.store!.ipv4_address
  }

  test('asks for the passwords, which stand in no file of the repository', () => {
    expect([...needed].sort()).toEqual(['GRAFANA_PASSWORD', 'REDIS_PASSWORD'])
  })

  test.each(gateways)('%s asks the three Sentinels, with their password', (name) => {
    const { environment = {} } = services[name]!
    const { place, wait } = parseRedisUrl(settingsOf(services[name]!).storageUrl)
    expect(place).toEqual({
      kind: 'sentinel',
      name: 'mymaster',
      sentinels: sentinels.map((host) => ({ host, port: 26379 })),
    })
    expect(wait).toBe(1)
    expect(environment.SLUICE_STORAGE_PASSWORD).toBe('value-of-REDIS_PASSWORD')
    expect(environment.SLUICE_STORAGE_SENTINEL_PASSWORD).toBe('value-of-REDIS_PASSWORD')
  })

  test.each(gateways)(
    '%s has time to serve on, to finish and to close before it is killed',
    (name) => {
      const delay = settingsOf(services[name]!).flags['web.shutdown-delay']
      const grace = parseDuration(services[name]!.stop_grace_period!)!
      expect(delay).toBeGreaterThanOrEqual(5000)
      expect(grace).toBeGreaterThanOrEqual(delay + 30_000)
    },
  )

  test('the balancer knows every gateway by the port it listens on', () => {
    expect(services.haproxy?.environment).toEqual({
      BALANCER_BIND: ':9091',
      STATS_BIND: ':8404',
      SLUICE_1: 'sluice-1:9091',
      SLUICE_2: 'sluice-2:9091',
      SLUICE_3: 'sluice-3:9091',
    })
  })

  test('only the balancer can be reached from other hosts; Redis and the Sentinels from nowhere', () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) =>
      ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${name} ${port}`),
    )
    expect(published).toEqual(['haproxy 9091:9091'])
    expect(networks.store).toMatchObject({ internal: true })
    for (const name of [...redis, ...sentinels]) {
      expect(services[name]?.ports).toBeUndefined()
      expect(Object.keys(services[name]!.networks!)).toEqual(['store'])
    }
  })

  test('replicas and Sentinels begin with the first server, by an address of the network', () => {
    const [subnet] = (networks.store as { ipam: { config: { subnet: string }[] } }).ipam.config
    const prefix = subnet!.subnet.replace(/0\/24$/, '')
    const addresses = [...redis, ...sentinels].map(addressOf)
    expect(new Set(addresses).size).toBe(6)
    for (const address of addresses) expect(address.startsWith(prefix)).toBe(true)
    expect(services['redis-1']?.environment).not.toHaveProperty('REDIS_PRIMARY')
    for (const name of ['redis-2', 'redis-3', ...sentinels]) {
      expect(services[name]?.environment?.REDIS_PRIMARY).toBe(`${addressOf('redis-1')} 6379`)
    }
    for (const name of [...redis, ...sentinels]) {
      const kind = name.slice(0, -2)
      expect(services[name]).toMatchObject({
        entrypoint: ['sh', '/etc/sluice/start.sh'],
        command: [kind],
      })
      expect(mounts(services[name]!)).toEqual([
        ['./deploy/redis', '/etc/sluice', 'ro'],
        [name, '/data'],
      ])
    }
  })

  test('Prometheus scrapes the balancer once, and each gateway for what it says of itself', () => {
    const { command = [] } = services.prometheus!
    expect(command).toContain('--config.file=/etc/prometheus/cluster.yml')
    const config = parse(
      readFileSync(path.join(ROOT, 'deploy/prometheus/cluster.yml'), 'utf8'),
    ) as { scrape_configs: unknown[] }
    expect(config.scrape_configs).toEqual([
      {
        job_name: 'push_gateway',
        honor_labels: true,
        static_configs: [{ targets: ['haproxy:9091'] }],
      },
      {
        job_name: 'sluice',
        metrics_path: '/-/metrics',
        static_configs: [{ targets: gateways.map((name) => `${name}:9091`) }],
      },
    ])
  })

  test('Grafana finds Prometheus and the dashboards where they are', () => {
    const provisioning = path.join(ROOT, 'deploy/grafana/provisioning')
    const datasources = readFileSync(path.join(provisioning, 'datasources/prometheus.yml'), 'utf8')
    const dashboards = readFileSync(path.join(provisioning, 'dashboards/sluice.yml'), 'utf8')
    expect(parse(datasources)).toMatchObject({
      datasources: [{ uid: 'prometheus', url: 'http://prometheus:9090' }],
    })
    const [provider] = (parse(dashboards) as { providers: { options: { path: string } }[] })
      .providers
    expect(mounts(services.grafana!)).toContainEqual([
      './deploy/grafana/dashboards',
      provider!.options.path,
      'ro',
    ])
  })
})

describe.each(SMALL)('%s', (name) => {
  test('its command runs the gateway, which keeps what was pushed in the volume', async () => {
    const [gateway] = Object.values(compose(name).services)
    expect(mounts(gateway!).map(([, target]) => target)).toEqual(['/data'])
    const data = temporaryFolder()
    const args = gateway!
      .command!.filter((flag) => !flag.startsWith('--web.listen-address'))
      .map((flag) => flag.replace('/data/', `${data}/`))
    const first = await startGateway(args)
    expect((await send('PUT', first.url, '/metrics/job/batch', { body: 'm 1\n' })).status).toBe(200)
    first.process.kill('SIGTERM')
    expect(await first.ended).toEqual({ code: 0, signal: null })
    expect(readdirSync(data).length).toBeGreaterThan(0)
    const second = await startGateway(args)
    expect((await send('GET', second.url, '/metrics')).text).toContain(
      'm{instance="",job="batch"} 1',
    )
  })
})
