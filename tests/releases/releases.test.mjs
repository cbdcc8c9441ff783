// R17: what each release left on disk (tests/releases/NAME, written by make.mjs when it was made) is read to the same
// state, by verify and by a server; or, where the rules have changed since, it is refused in words that say so.
import assert from 'node:assert'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { Machine } from '../server/machine.mjs'
import { Venue } from '../server/venue.mjs'
import { look, options, unpack, verify } from './look.mjs'

const here = path.dirname(new URL(import.meta.url).pathname)
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
const rules = Number(fs.readFileSync(path.join(here, '../../include/ringfence.h'), 'utf8').match(/RF_RULES_VERSION = (\d+)/)[1])
const schema = Number(fs.readFileSync(path.join(here, '../../history/store.h'), 'utf8').match(/RF_SCHEMA_VERSION = (\d+)/)[1])
const names = fs.readdirSync(here).filter((name) => fs.existsSync(path.join(here, name, 'expected.json')))
after(() => fs.rmSync(home, { recursive: true, force: true }))

function settle(name, place) {
  const at = path.join(home, place)
  fs.mkdirSync(at)
  fs.copyFileSync(path.join(here, name, 'venue.key'), path.join(at, 'data.key'))
  fs.chmodSync(path.join(at, 'data.key'), 0o600)
  unpack(path.join(here, name, 'venue'), path.join(at, 'data'))
  return at
}

const read = (name) => JSON.parse(fs.readFileSync(path.join(here, name, 'expected.json'), 'utf8'))
test('there is one', () => {
  assert.ok(names.length > 0)
  if (!names.some((name) => read(name).rules_version === rules))
    console.log(`SKIP no files of rules_version ${rules} are kept yet: node tests/releases/make.mjs NAME`)
})

for (const name of names) {
  const expected = read(name)
  test(`${name}: its files are read to the same state, or refused for their rules`, async () => {
    const found = verify(path.join(here, name, 'commands'), home)
    if (expected.rules_version !== rules) {
      assert.equal(found.ok, false)
      assert.match(found.why, /another rules_version/)
      await assert.rejects(Venue.start({ home: settle(name, name), args: options }), /other rules|rules_version/)
      return
    }
    assert.deepEqual(found, expected.commands)
    assert.deepEqual(verify(path.join(here, name, 'venue'), home), expected.venue)
    // At the time at which it was left: hours that pass are funded.
    const machine = new Machine(home, expected.time_ms - Date.now())
    const venue = await Venue.start({ home: settle(name, name), args: options, env: machine.env })
    try {
      // A snapshot and a tail; all of the journal where the history has to be made anew.
      assert.match(venue.log, expected.schema_version === schema ? /event=recovered snapshot_seq=[1-9]\d* records=[1-9]/ : /event=recovered snapshot_seq=0 /)
      assert.deepEqual(await look(venue, expected.keys), expected.found)
      assert.equal((await venue.operator('check-invariants')).result.ok, true)
      assert.deepEqual(await venue.stop(), { code: 0, signal: null })
      assert.equal(verify(venue.data, home).ok, true)
    } finally { await venue.remove() }
  })
}

// ---- What a version to come may write, as this one sees it ----------------------------------------------------------

function crc32c(bytes) {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

// Changes the head of the journal's file (docs/journal.md) and makes its checksum right again.
function forge(at, change) {
  const file = path.join(at, 'data', 'journal-00000000000000000001')
  const bytes = fs.readFileSync(file)
  change(bytes)
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 4092)), 4092)
  fs.writeFileSync(file, bytes)
}

const forgeries = {
  'of other rules': [(bytes) => bytes.writeUInt32LE(rules + 1, 40), /another rules_version/, /other rules/],
  'of another format': [(bytes) => bytes.write('RFJRNL02', 0, 'latin1'), /another version of the format wrote journal-/, /another version of the format wrote journal-/]
}
for (const [what, [change, verified, served]] of Object.entries(forgeries))
  test(`a journal ${what} is refused in words that say so, and left as it is`, async () => {
    const at = settle(names[0], what.replaceAll(' ', '-'))
    forge(at, change)
    const before = fs.readFileSync(path.join(at, 'data', 'journal-00000000000000000001'))
    const { ok, why } = verify(path.join(at, 'data'), home)
    assert.equal(ok, false)
    assert.match(why, verified)
    await assert.rejects(Venue.start({ home: at, args: options }), served)
    assert.deepEqual(fs.readFileSync(path.join(at, 'data', 'journal-00000000000000000001')), before)
  })
