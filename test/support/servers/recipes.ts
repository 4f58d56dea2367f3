import { dirname, join } from 'node:path'
import { findExecutables, type Program } from './program.ts'
import type { Reaper } from './reaper.ts'
import { run } from './run.ts'
import type { ServerName } from './server-name.ts'

/** How to set up and start a throwaway server. */
export interface Recipe {
  /** Fills an empty data folder; undefined if the server does not need that. */
  readonly initialise?: (reaper: Reaper, program: Program, dataFolder: string) => Promise<void>
  /** The arguments for serving this data on this port of the loopback interface. */
  readonly serve: (dataFolder: string, port: number) => string[]
  readonly url: (port: number) => string
}

/** Settings for many small databases whose data may be lost in a crash. */
export const SQL_SETTINGS: readonly string[] = [
  '--max-connections=300',
  '--table-open-cache=4000',
  '--innodb-buffer-pool-size=256M',
  '--skip-log-bin',
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-doublewrite=OFF',
]

/** The recipes by server. */
export const RECIPES: Readonly<Record<ServerName, Recipe>> = {
  mariadb: {
    initialise: initialiseMariadb,
    serve: (dataFolder, port) => [...serveSql(dataFolder, port), '--loose-debug-no-sync'],
    url: sqlUrl,
  },
  mysql: {
    initialise: initialiseMysql,
    serve: (dataFolder, port) => [
      ...serveSql(dataFolder, port),
      '--innodb-flush-method=nosync',
      '--loose-mysqlx=OFF',
    ],
    url: sqlUrl,
  },
  redis: {
    serve: serveRedis,
    url: (port) => `redis://127.0.0.1:${port}`,
  },
}

function sqlUrl(port: number): string {
  return `mysql://root@127.0.0.1:${port}/`
}

function serveSql(dataFolder: string, port: number): string[] {
  return [
    ...asRoot(),
    `--datadir=${dataFolder}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    // In the data folder, because a socket's path may have at most 107 characters.
    '--socket=server.sock',
    // A root account without a password must not reach other files.
    `--secure-file-priv=${dataFolder}`,
    ...SQL_SETTINGS,
  ]
}

function serveRedis(dataFolder: string, port: number): string[] {
  return [
    ...['--bind', '127.0.0.1', '--port', `${port}`, '--dir', dataFolder],
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
  ]
}

async function initialiseMysql(reaper: Reaper, program: Program, folder: string): Promise<void> {
  const args = [...program.args, ...asRoot(), `--datadir=${folder}`, '--initialize-insecure']
  await run(reaper, program.command, args)
}

async function initialiseMariadb(reaper: Reaper, program: Program, folder: string): Promise<void> {
  await run(reaper, findInstaller(program), [
    ...program.args,
    ...asRoot(),
    `--datadir=${folder}`,
    // See startLogged() in throwaway.ts.
    `--tmpdir=${folder}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ])
}

function findInstaller(program: Program): string {
  const home = dirname(dirname(program.command))
  const beside = [join(home, 'bin'), join(home, 'scripts')]
  const found = ['mariadb-install-db', 'mysql_install_db'].flatMap((file) => [
    ...findExecutables(file, beside),
    ...findExecutables(file),
  ])
  if (found[0] === undefined) throw new Error('there is no mariadb-install-db')
  return found[0]
}

// Servers refuse to run as root without this option.
function asRoot(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}
