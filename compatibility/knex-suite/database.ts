import { randomBytes } from 'node:crypto'
import mysql from 'mysql2/promise'

/** One of Knex's tests checks that this password does not appear in a text. */
const PASSWORD = 'testpassword'

/** Runs a function with a new database and an account. Both are dropped afterwards. */
export async function withDatabase<T>(
  serverUrl: string,
  use: (databaseUrl: string) => Promise<T>,
): Promise<T> {
  const name = `tk_knex_suite_${randomBytes(4).toString('hex')}`
  const admin = await mysql.createConnection({ uri: serverUrl, multipleStatements: true })
  try {
    await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4;
      CREATE USER ${name} IDENTIFIED BY '${PASSWORD}'; GRANT ALL ON *.* TO ${name}`)
    return await use(urlOf(serverUrl, name))
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${name}; DROP USER IF EXISTS ${name}`)
    await admin.end()
  }
}

function urlOf(serverUrl: string, name: string): string {
  const url = new URL(serverUrl)
  url.username = name
  url.password = PASSWORD
  url.port ||= '3306'
  url.pathname = name
  return url.href
}
