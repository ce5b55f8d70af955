/** The sockets that systemd hands to a service when it starts it (sd_listen_fds). */
import { UsageError } from './parse-flags.ts'
import type { ListenAddress } from './settings.ts'

const FIRST_FD = 3

type Environment = Record<string, string | undefined>

/**
 * Takes the sockets; the variables that announce them are removed, so that no child takes them for its own.
 *
 * @throws UsageError when there are none, or they are meant for another process
 */
export function takeSystemdSockets(environment: Environment, pid: number): ListenAddress[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name]
  const count = Number(LISTEN_FDS ?? 0)
  if (LISTEN_PID === undefined || !Number.isInteger(count) || count < 1) {
    throw new UsageError(
      '--web.systemd-socket: no socket was handed over (LISTEN_PID and LISTEN_FDS say none); start it by a .socket unit',
    )
  }
  if (LISTEN_PID !== String(pid)) {
    throw new UsageError(
      `--web.systemd-socket: the sockets are meant for process ${LISTEN_PID}, this is ${pid}`,
    )
  }
  const names = LISTEN_FDNAMES?.split(':') ?? []
  return Array.from({ length: count }, (_, i) => ({
    kind: 'fd',
    fd: FIRST_FD + i,
    name: names[i] ?? 'unknown',
  }))
}
