import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readColumnStatement } from '../../src/cdc/maxwell/ddl.js'

const columns = (sql: string) => [...(readColumnStatement(sql)?.columns.values() ?? [])]
const typesIn = (sql: string) => columns(sql).map(({ name, type }) => `${name}: ${type}`)
const renamedIn = (sql: string) => Object.fromEntries(readColumnStatement(sql)?.renamed ?? [])
const constantOf = (sql: string) => columns(sql)[0]?.constant

describe('the columns of a statement', () => {
  it('of CREATE TABLE are its columns, not its keys', () => {
    const sql = `create table if not exists shop.\`t\` (
      id bigint(20) unsigned NOT NULL AUTO_INCREMENT, -- the key
      \`a,b\` decimal(10,2) DEFAULT '0.00' COMMENT 'one, two',
      e enum('x,y','z)') /* (comment) */ NOT NULL,
      PRIMARY KEY (id), UNIQUE KEY k (\`a,b\`), CONSTRAINT c CHECK (id > 0)
    ) ENGINE=InnoDB`
    expect(typesIn(sql)).toEqual([
      'id: bigint ( 20 ) unsigned',
      'a,b: decimal ( 10 , 2 )',
      "e: enum ( 'x,y' , 'z)' )",
    ])
    expect(columns(sql).map(column => column.isNullable)).toEqual([false, true, false])
    expect(columns(sql)[0]?.isComputed).toBe(true)
  })

  it('of ALTER TABLE are those that it adds, modifies or changes', () => {
    const sql =
      'ALTER TABLE orders ADD COLUMN a int AFTER id, MODIFY price decimal(14,4), CHANGE COLUMN x y varchar(10) NOT NULL, DROP z, ADD INDEX (a), ADD (p int, q text)'
    expect(typesIn(sql)).toEqual([
      'a: int',
      'price: decimal ( 14 , 4 )',
      'y: varchar ( 10 )',
      'p: int',
      'q: text',
    ])
    expect([...(readColumnStatement(sql)?.added ?? [])]).toEqual(['a', 'p', 'q'])
    expect(renamedIn(sql)).toEqual({ x: 'y' })
  })

  it('may be renamed alone, and MariaDB asks whether they are there', () => {
    expect(renamedIn('ALTER TABLE `a`.`b` RENAME COLUMN score TO `points`')).toEqual({ score: 'points' })
    expect(renamedIn('ALTER TABLE b RENAME TO c')).toEqual({})
    expect(renamedIn('ALTER TABLE b RENAME INDEX i TO j')).toEqual({})
    expect(typesIn('ALTER TABLE IF EXISTS t WAIT 5 ADD COLUMN IF NOT EXISTS c int')).toEqual(['c: int'])
  })

  it('are none of other statements', () => {
    for (const sql of [
      '',
      'DROP TABLE t',
      'TRUNCATE t',
      'RENAME TABLE a TO b',
      'CREATE TABLE a LIKE b',
      'nonsense ((',
    ])
      expect(columns(sql), sql).toEqual([])
  })

  it('are read behind comments that are code for some versions', () => {
    expect(typesIn('/*!40101 ALTER */ /*!50003 TABLE t ADD c int */')).toEqual(['c: int'])
    expect(typesIn('ALTER TABLE t # here\n ADD c int')).toEqual(['c: int'])
  })
})

describe('a default', () => {
  it.each([
    ["varchar(10) DEFAULT 'web'", { text: 'web' }],
    ["varchar(10) DEFAULT 'it''s \\n'", { text: "it's \n" }],
    ['varchar(10) DEFAULT "a""b"', { text: 'a"b' }],
    ['int DEFAULT -5', { text: '-5' }],
    ['double DEFAULT 1.5e3', { text: '1.5e3' }],
    ['tinyint(1) DEFAULT TRUE', { text: '1' }],
    ['int DEFAULT NULL', null],
    ["bit(8) DEFAULT b'10101010'", { bytes: Uint8Array.of(0xaa) }],
    ["binary(2) DEFAULT x'00ff'", { bytes: Uint8Array.of(0, 255) }],
    ['binary(1) DEFAULT 0x0f', { bytes: Uint8Array.of(15) }],
    ["varchar(3) DEFAULT _utf8mb4'abc'", { text: 'abc' }],
    ["date DEFAULT '2000-01-01'", { text: '2000-01-01' }],
    ['timestamp DEFAULT CURRENT_TIMESTAMP', undefined],
    ['varchar(36) DEFAULT (uuid())', undefined],
    ['int', undefined],
  ])('of %s', (definition, expected) => {
    expect(constantOf(`ALTER TABLE t ADD c ${definition}`)).toEqual(expected)
  })

  it('that is computed is said to be', () => {
    const isComputed = (definition: string) => columns(`ALTER TABLE t ADD c ${definition}`)[0]?.isComputed
    expect(isComputed('timestamp DEFAULT CURRENT_TIMESTAMP')).toBe(true)
    expect(isComputed('int GENERATED ALWAYS AS (a + 1) STORED')).toBe(true)
    expect(isComputed("varchar(10) DEFAULT 'web'")).toBe(false)
    expect(isComputed('int DEFAULT NULL')).toBe(false)
  })
})

describe('any text', () => {
  it('is read to an end', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            'ALTER TABLE t ',
            'CREATE TABLE ',
            'ADD ',
            '(',
            ')',
            ',',
            "'",
            '`',
            '"',
            '\\',
            '/*',
            '*/',
            '--',
            '\n',
            'c int ',
            'DEFAULT ',
            '1e',
            '.',
            'b',
          ),
        ),
        parts => {
          readColumnStatement(parts.join(''))
        },
      ),
    )
    expect(columns(`ALTER TABLE t ADD c ${"''".repeat(50_000)}'`)).toEqual([])
  })
})
