import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type mysql from 'mysql2/promise'
import type { Connection } from 'mysql2/promise'
import { inspectDatabases } from '../../../src/connection/hidden-code/inspect-databases.ts'
import type { Verdict } from '../../../src/connection/hidden-code/verdict.ts'
import { onEachServer, type TestServer, urlOptions, withTenants } from '../../support/tenants.ts'

/** What the server says of databases to the account of a URL. */
async function verdictsOf(url: string, databases: string[]): Promise<(Verdict | undefined)[]> {
  const verdicts = await inspectDatabases(urlOptions(url), databases, AbortSignal.timeout(10_000))
  return databases.map((database) => verdicts.get(database))
}

/** The verdict about tenant a's database after it got some code. */
async function verdictAfter(server: TestServer, ...code: string[]): Promise<Verdict | undefined> {
  let found: Verdict | undefined
  await withTenants(server, { tenants: ['a'] }, async ({ admin, url, databaseOf }) => {
    await admin.query(`USE ${databaseOf('a')}`)
    for (const sql of code) await admin.query(sql)
    ;[found] = await verdictsOf(url, [databaseOf('a')])
  })
  return found
}

type Kinds = readonly (readonly [kind: string, ...code: string[]])[]

const TRIGGER = 'CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW SET NEW.val = 1'
const FUNCTION = 'CREATE FUNCTION f() RETURNS INT DETERMINISTIC NO SQL RETURN 1'
const SEQUENCE = 'CREATE SEQUENCE s'
const MERGE = 'CREATE TABLE m (a INT) ENGINE = MyISAM'

const expression = (name: string, text: string): readonly [string, string] => [
  name,
  `CREATE TABLE e (\`a b'(\` INT, c VARCHAR(100) DEFAULT (${text}))`,
]
const generated = (text: string, type = 'VARCHAR(100)'): readonly [string, string] => [
  `a generated column: ${text}`,
  `CREATE TABLE e (\`a b'(\` INT, c ${type} AS (${text}) VIRTUAL)`,
]

const HIDDEN: Readonly<Record<string, Kinds>> = {
  triggers: [['a trigger', TRIGGER]],
  views: [
    ['a view', 'CREATE VIEW v AS SELECT 1 AS one'],
    ['a view that calls a function', FUNCTION, 'CREATE VIEW v AS SELECT f() AS one'],
  ],
  engines: [['a table over tables', MERGE, 'CREATE TABLE n (a INT) ENGINE = MERGE UNION = (m)']],
  expressions: [
    expression('the database as a default', 'DATABASE()'),
    expression('the role as a default', 'CURRENT_ROLE()'),
    expression('chance as a default', 'RAND()'),
    expression('the connection behind other calls', "CONCAT('it''s', LOWER(CONNECTION_ID()))"),
  ],
}

const HIDDEN_ON_MARIADB: Readonly<Record<string, Kinds>> = {
  expressions: [
    expression('a variable that a default sets', '@v := 1'),
    expression('a variable that a default reads', "CONCAT('\\'', @v, '\\'')"),
    expression('a setting that a default reads', '@@sql_mode'),
    expression('the next value of a sequence', 'NEXTVAL(s)'),
    expression('the last value of a sequence', 'LASTVAL(s)'),
    generated('@v := 1'),
    generated("CONCAT(`a b'(`, @v, `a b'(`)"),
    generated('DATABASE()'),
    generated('CONNECTION_ID()', 'INT'),
  ].map(([name, sql]) => [name, SEQUENCE, sql] as const),
}

const HARMLESS: Kinds = [
  ['nothing'],
  ['routines that nothing calls', FUNCTION, 'CREATE PROCEDURE p() SET @v = 1'],
  ['an event, which has a session of its own', 'CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO DO 1'],
  ['a key to another table', 'CREATE TABLE k (a INT, FOREIGN KEY (a) REFERENCES items (id))'],
  ['another engine', MERGE],
  ['partitions', 'CREATE TABLE p (a INT) PARTITION BY HASH (a) PARTITIONS 2'],
  ['a check', 'CREATE TABLE e (a INT CHECK (ABS(a) < 5))'],
  [
    'literals and the time',
    `CREATE TABLE e (
      a VARCHAR(50) DEFAULT 'it''s @v, DATABASE() and \\\\\\\\', b INT DEFAULT -5, c DECIMAL(5, 2) DEFAULT 1.50,
      d TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), e BIT(3) DEFAULT b'101',
      f VARBINARY(9) DEFAULT X'4041', g INT DEFAULT NULL, h JSON, i VARCHAR(9) DEFAULT 'f()'
    )`,
  ],
  expression('an id', 'UUID()'),
  expression('a call with literals', "CONCAT('it\\'s @v', UPPER('\\\\'), _utf8mb4'f()')"),
  expression('a day', 'CURDATE() + INTERVAL 1 DAY'),
  generated("LOWER(CONCAT(`a b'(`, '@v'))"),
  generated("CASE WHEN `a b'(` BETWEEN 1 AND 2 THEN 1 ELSE NULL END", 'INT'),
  generated("JSON_UNQUOTE(JSON_EXTRACT(`a b'(`, '$.x'))"),
]

const HARMLESS_ON_MARIADB: Kinds = [
  ['a sequence that nothing uses', SEQUENCE],
  ['a table with versions', 'CREATE TABLE v (a INT) WITH SYSTEM VERSIONING'],
  [
    'a table with versions in the open',
    `CREATE TABLE v (
      a INT, b TIMESTAMP(6) AS ROW START, c TIMESTAMP(6) AS ROW END, PERIOD FOR SYSTEM_TIME (b, c)
    ) WITH SYSTEM VERSIONING`,
  ],
]

/** Forms of code that both servers refuse to put where a statement would run it unseen. */
const PLACES = [
  (code: string) => `CREATE TABLE e (a INT, b INT CHECK (${code} = a))`,
  (code: string) => `CREATE TABLE e (a INT, b INT AS (${code}) STORED)`,
  (code: string) => `CREATE TABLE e (a INT, INDEX ((${code})))`,
  (code: string) => `CREATE TABLE e (a INT) PARTITION BY HASH (${code})`,
]
const CALL_PLACES = [
  ...PLACES,
  (code: string) => `CREATE TABLE e (a INT, b INT DEFAULT (${code}))`,
  (code: string) => `CREATE TABLE e (a INT, b INT AS (${code}) VIRTUAL)`,
]

onEachServer('the code in a database', (server) => {
  const isMariaDB = server.name === 'MariaDB'
  for (const kinds of isMariaDB ? [HIDDEN, HIDDEN_ON_MARIADB] : [HIDDEN]) {
    for (const [reason, list] of Object.entries(kinds)) {
      for (const [kind, ...code] of list) {
        it(`is hidden, by the server’s word ${reason}, with ${kind}`, async () => {
          expect(await verdictAfter(server, ...code)).to.equal(reason)
        })
      }
    }
  }

  for (const [kind, ...code] of isMariaDB ? [...HARMLESS, ...HARMLESS_ON_MARIADB] : HARMLESS) {
    it(`is not hidden with ${kind}`, async () => {
      expect(await verdictAfter(server, ...code)).to.equal('plain')
    })
  }

  it('is told of each database, also if their names are odd or differ by case', () =>
    withTenants(server, { tenants: ['a', 'B', 'tenant-1', 'x y"%é'] }, async (context) => {
      const { admin, url, databaseOf } = context
      await admin.query(`USE ${databaseOf('B')}; ${TRIGGER}`)
      await admin.query(`USE \`${databaseOf('x y"%é')}\`; CREATE VIEW v AS SELECT 1`)
      const names = ['a', 'A', 'B', 'b', 'tenant-1', 'x y"%é', 'nobody', "'", '\\'].map(databaseOf)
      expect(await verdictsOf(url, names)).to.deep.equal([
        'plain',
        'missing',
        'triggers',
        'missing',
        'plain',
        'views',
        'missing',
        'missing',
        'missing',
      ])
    }))

  it('is told anew after a change', () =>
    withTenants(server, { tenants: ['a'] }, async ({ admin, url, databaseOf }) => {
      const database = databaseOf('a')
      const verdict = async (sql: string) => {
        await admin.query(`USE ${database}; ${sql}`)
        return (await verdictsOf(url, [database]))[0]
      }
      expect(await verdict(TRIGGER)).to.equal('triggers')
      expect(await verdict('DROP TRIGGER t')).to.equal('plain')
      expect(await verdict('CREATE VIEW v AS SELECT 1')).to.equal('views')
      expect(await verdict(`DROP DATABASE ${database}`)).to.equal('missing')
    }))

  it('is told to a connection with other quotes and another character set, too', () =>
    withTenants(server, { tenants: ['é'] }, async ({ admin, databaseOf }) => {
      const [[row]] = await admin.query<mysql.RowDataPacket[]>('SELECT @@GLOBAL.sql_mode AS mode')
      await admin.query("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
      try {
        const [, sql = ''] = generated("CONCAT(`a b'(`, '@v')")
        await admin.query(`USE \`${databaseOf('é')}\`; ${sql}`)
        const options = { ...urlOptions(server.url), charset: 'utf8mb4_general_ci' }
        const verdicts = await inspectDatabases(
          options,
          [databaseOf('é')],
          AbortSignal.timeout(10_000),
        )
        expect([...verdicts.values()]).to.deep.equal(['plain'])
      } finally {
        await admin.query(`SET GLOBAL sql_mode = '${row?.mode}'`)
      }
    }))

  for (const code of ['f()', 'LAST_INSERT_ID(7)', "GET_LOCK('a', 0)", '(SELECT 1)']) {
    it(`cannot be ${code} in an expression: the server refuses it`, () =>
      refusals(server, code, CALL_PLACES))
  }

  for (const code of ['@v := 1', '@v', '@@port', 'DATABASE()', 'CURRENT_ROLE()']) {
    it(`cannot be ${code} where nobody looks for it`, () =>
      refusals(server, code, isMariaDB ? PLACES : [...PLACES, CALL_PLACES.at(-1) as Place]))
  }

  it('does not run in another database by a key that leads there', () =>
    withTenants(server, { tenants: ['a', 'b'] }, async ({ admin, databaseOf }) => {
      await admin.query(`USE ${databaseOf('b')};
        CREATE TABLE k (id INT, FOREIGN KEY (id) REFERENCES ${databaseOf('a')}.items (id)
          ON DELETE CASCADE ON UPDATE CASCADE);
        INSERT INTO k VALUES (1), (2);
        CREATE TRIGGER u AFTER UPDATE ON k FOR EACH ROW SET @ran = 1;
        CREATE TRIGGER d AFTER DELETE ON k FOR EACH ROW SET @ran = 1;
        UPDATE ${databaseOf('a')}.items SET id = 9 WHERE id = 1;
        DELETE FROM ${databaseOf('a')}.items WHERE id = 2`)
      const [rows] = await admin.query('SELECT id, @ran AS ran FROM k')
      await admin.query('DROP TABLE k')
      expect(rows).to.deep.equal([{ id: 9, ran: null }])
    }))
})

type Place = (code: string) => string

async function refusals(server: TestServer, code: string, places: readonly Place[]): Promise<void> {
  await withTenants(server, { tenants: ['a'] }, async ({ admin, databaseOf }) => {
    await admin.query(`USE ${databaseOf('a')}; ${FUNCTION}`)
    for (const place of places) {
      const result = await admin.query(place(code)).then(
        () => `${place(code)} was accepted`,
        ({ errno }) => errno as number,
      )
      expect(result).to.be.a('number')
    }
  })
}

/** Runs a test with an account that has no rights yet, and a role. */
async function withAccount(
  server: TestServer,
  test: (context: {
    admin: Connection
    user: string
    role: string
    prefix: string
    seen(): Promise<(Verdict | undefined)[]>
  }) => Promise<void>,
): Promise<void> {
  await withTenants(server, { tenants: ['a', 'b'] }, async ({ admin, databaseOf }) => {
    const user = `tk_sees_${randomBytes(4).toString('hex')}`
    const role = `${user}_r`
    const url = new URL(server.adminUrl)
    url.username = user
    url.password = ''
    await admin.query(`CREATE USER ${user}; CREATE ROLE ${role}`)
    try {
      const prefix = databaseOf('').replaceAll('_', '\\_')
      const seen = () => verdictsOf(url.href, [databaseOf('a'), databaseOf('b')])
      await test({ admin, user, role, prefix, seen })
    } finally {
      await admin.query(`DROP USER ${user}; DROP ROLE ${role}`)
    }
  })
}

onEachServer('the sight of an account', (server) => {
  it('is none without rights: there is no such database for it', () =>
    withAccount(server, async ({ seen }) => {
      expect(await seen()).to.deep.equal(['missing', 'missing'])
    }))

  it('needs the privilege TRIGGER, by a pattern', () =>
    withAccount(server, async ({ admin, user, prefix, seen }) => {
      const all = `\`${prefix}%\`.*`
      await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${all} TO ${user}`)
      expect(await seen()).to.deep.equal(['unseen', 'unseen'])
      await admin.query(`GRANT TRIGGER ON ${all} TO ${user}`)
      expect(await seen()).to.deep.equal(['plain', 'plain'])
    }))

  it('is not made of two patterns: a server goes by one of them', () =>
    withAccount(server, async ({ admin, user, prefix, seen }) => {
      const one = `\`${prefix}a\`.*`
      await admin.query(
        `GRANT ALL ON \`${prefix}%\`.* TO ${user}; GRANT SELECT ON ${one} TO ${user}`,
      )
      const database = prefix.replaceAll('\\', '')
      await admin.query(`USE ${database}a; ${TRIGGER}`)
      expect(await seen()).to.deep.equal(['unseen', 'plain'])
    }))

  it('comes from everything, or a database by its name', () =>
    withAccount(server, async ({ admin, user, prefix, seen }) => {
      await admin.query(`GRANT ALL ON \`${prefix}b\`.* TO ${user}`)
      expect(await seen()).to.deep.equal(['missing', 'plain'])
      await admin.query(`GRANT SELECT, TRIGGER ON *.* TO ${user}`)
      expect(await seen()).to.deep.equal(['plain', 'plain'])
    }))

  it('is none of a database of which it has one table', () =>
    withAccount(server, async ({ admin, user, prefix, seen }) => {
      const table = `\`${prefix.replaceAll('\\', '')}a\`.items`
      await admin.query(
        `GRANT ALL ON ${table} TO ${user}; GRANT SELECT (id) ON ${table} TO ${user}`,
      )
      expect(await seen()).to.deep.equal(['unseen', 'missing'])
    }))

  it('comes from a role, if that is active from the login', () =>
    withAccount(server, async ({ admin, user, role, prefix, seen }) => {
      const all = `\`${prefix}%\`.*`
      await admin.query(`GRANT SELECT, INSERT ON ${all} TO ${user};
        GRANT SELECT, TRIGGER ON ${all} TO ${role}; GRANT ${role} TO ${user}`)
      expect(await seen()).to.deep.equal(['unseen', 'unseen'])
      const to = server.name === 'MariaDB' ? 'FOR' : 'TO'
      await admin.query(`SET DEFAULT ROLE ${role} ${to} ${user}`)
      expect(await seen()).to.deep.equal(['plain', 'plain'])
    }))

  if (server.name === 'MariaDB') return

  it('ends where a privilege is revoked, and knows no wildcards then', () =>
    withAccount(server, async ({ admin, user, prefix, seen }) => {
      const database = prefix.replaceAll('\\', '')
      await admin.query('SET GLOBAL partial_revokes = ON')
      try {
        await admin.query(`GRANT SELECT, TRIGGER ON *.* TO ${user}`)
        await admin.query(`REVOKE TRIGGER ON ${database}a.* FROM ${user}`)
        expect(await seen()).to.deep.equal(['unseen', 'plain'])
        await admin.query(`REVOKE ALL ON *.* FROM ${user}`)
        await admin.query(`GRANT ALL ON \`${prefix}%\`.* TO ${user}`)
        expect(await seen()).to.not.include('plain')
      } finally {
        await admin.query(
          `DROP USER ${user}; CREATE USER ${user}; SET GLOBAL partial_revokes = OFF`,
        )
      }
    }))
})
