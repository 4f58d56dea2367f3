import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { StartedTestContainer } from 'testcontainers'
import { untilReachable } from './reachable.ts'
import { SQL_SETTINGS } from './recipes.ts'
import { type ServerName, wantedVersion } from './server-name.ts'

const START_TIMEOUT_MILLIS = 120_000

interface Image {
  readonly name: string
  readonly version: string
  readonly port: number
  readonly environment: Readonly<Record<string, string>>
  readonly command: readonly string[]
}

const IMAGES: Readonly<Record<ServerName, Image>> = {
  mariadb: {
    name: 'mariadb',
    version: '11',
    port: 3306,
    environment: { MARIADB_ALLOW_EMPTY_ROOT_PASSWORD: '1' },
    command: SQL_SETTINGS,
  },
  mysql: {
    name: 'mysql',
    version: '8.4',
    port: 3306,
    environment: { MYSQL_ALLOW_EMPTY_PASSWORD: '1' },
    command: SQL_SETTINGS,
  },
  redis: {
    name: 'redis',
    version: '7',
    port: 6379,
    environment: {},
    command: ['redis-server', '--save', ''],
  },
}

/** A server in a container. */
export interface Container {
  readonly url: string
  readonly image: string
  stop(): Promise<void>
}

/** Starts a server in a container; undefined if no Docker engine answers. */
export async function startContainer(name: ServerName): Promise<Container | undefined> {
  if (!mayHaveEngine()) return undefined
  // It takes half a second to load, so it is loaded only if there is an engine.
  const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers')
  try {
    await getContainerRuntimeClient()
  } catch {
    return undefined
  }
  const image = IMAGES[name]
  const container = await new GenericContainer(imageName(name))
    .withExposedPorts(image.port)
    .withEnvironment({ ...image.environment })
    .withCommand([...image.command])
    .withStartupTimeout(START_TIMEOUT_MILLIS)
    .start()
  return untilServing(name, container)
}

function imageName(name: ServerName): string {
  return `${IMAGES[name].name}:${wantedVersion(name) ?? IMAGES[name].version}`
}

async function untilServing(name: ServerName, container: StartedTestContainer): Promise<Container> {
  const { port } = IMAGES[name]
  const stop = async (): Promise<void> => {
    await container.stop()
  }
  const url = urlOf(name, container.getHost(), container.getMappedPort(port))
  try {
    // The images open the port before the server is ready.
    await untilReachable(url, START_TIMEOUT_MILLIS)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, image: imageName(name), stop }
}

function urlOf(name: ServerName, host: string, port: number): string {
  // The engine publishes to IPv4, but `localhost` may be IPv6.
  const address = `${host === 'localhost' ? '127.0.0.1' : host}:${port}`
  return name === 'redis' ? `redis://${address}` : `mysql://root@${address}/`
}

// False if testcontainers would find no engine. TENANT_KNEX_DOCKER=0 disables the search.
function mayHaveEngine(): boolean {
  if (process.env.TENANT_KNEX_DOCKER === '0') return false
  if (process.env.DOCKER_HOST || process.platform === 'win32') return true
  const runtime = process.env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.()}`
  return [
    '/var/run/docker.sock',
    join(runtime, 'docker.sock'),
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
    join(homedir(), '.testcontainers.properties'),
  ].some((path) => existsSync(path))
}
