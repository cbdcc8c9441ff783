// Settings: the table, its document, the file, the options; and what is refused. Then the second listener.
import assert from 'node:assert'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Venue, program, tell } from './venue.mjs'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
process.on('exit', () => fs.rmSync(home, { recursive: true, force: true }))

function refused(args, file) {
  const name = path.join(home, 'ringfence.ini')
  if (file !== undefined) { fs.writeFileSync(name, file); args = ['--config', name, ...args] }
  const run = spawnSync(program, ['serve', ...args], { encoding: 'utf8', timeout: 60000 })
  return { status: run.status, error: run.stderr }
}

test('docs/configuration.md is what the table says', () => {
  const page = fs.readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const table = tell(['serve', '--help-markdown'])
  assert.ok(page.endsWith(table), 'run tests/server/configuration.sh')
})

test('--help lists every setting', () => {
  const help = tell(['serve', '--help'])
  const table = fs.readFileSync(new URL('../../server/config.def', import.meta.url), 'utf8')
  const names = [...table.matchAll(/^RF_SETTING\((\w+), (\w+),/gm)].map((row) => row[2])
  assert.ok(names.length > 20)
  for (const name of names) assert.ok(help.includes(`--${name.replaceAll('_', '-')} `), name)
})

test('what is unknown or out of range is refused, with file and line', () => {
  for (const [file, wanted] of [
    ['[server]\nlisten = 127.0.0.1:0\n\ncolour = red\n', /ringfence\.ini:4: unknown setting "colour" in \[server\]/],
    ['[store]\nlisten = 127.0.0.1:0\n', /ringfence\.ini:2: listen stands under \[server\], not \[store\]/],
    ['[engine]\naccounts = 1\n', /ringfence\.ini:2: accounts takes a whole number from 2 to 16777216, not "1"/],
    ['[store]\nsegment_size = 1X\n', /ringfence\.ini:2: segment_size takes bytes/],
    ['[sandbox]\nsandbox = perhaps\n', /ringfence\.ini:2: sandbox takes on or off/],
    ['[server]\nlisten = a:1\nlisten = b:1\n', /ringfence\.ini:3: listen is set twice/],
    ['[server]\nnonsense\n', /ringfence\.ini:2: not a \[section\]/],
  ]) {
    const end = refused([], file)
    assert.match(end.error, wanted)
    assert.equal(end.status, 2)
  }
  for (const [args, wanted] of [
    [['--colour', 'red'], /unknown option --colour/],
    [['--rate-limits', 'never'], /--rate-limits: rate_limits takes off, or a whole number/],
    [['--config', path.join(home, 'missing')], /missing: No such file/],
    [['--listen'], /a value is missing/],
    [['more'], /unknown argument "more"/],
  ]) {
    const end = refused(args)
    assert.match(end.error, wanted)
    assert.equal(end.status, 2)
  }
})

test('S8: a listener that is not loopback needs a proxy in front', () => {
  for (const setting of ['listen', 'console']) {
    const end = refused(['--data', path.join(home, 'data'), '--listen', '127.0.0.1:0', `--${setting}`, '0.0.0.0:0'])
    assert.match(end.error, /0\.0\.0\.0:0: not a loopback address/)
    assert.equal(end.status, 1)
  }
  assert.match(refused([]).error, /a directory is needed/)
})

test('the file is read, and an option wins over it', async () => {
  const file = path.join(home, 'good.ini')
  fs.writeFileSync(file, '; a comment\n[server]\nlisten = 127.0.0.1:1\nlog_level = debug\n[engine]\naccounts = 3\n[server]\nbehind_proxy = 10.0.0.1\nbehind_proxy = 10.0.0.2, ::1\n')
  const venue = await Venue.start({ args: ['--config', file] })
  try {
    await venue.operator('create-account', { account: 'one' })
    await venue.operator('create-account', { account: 'two' })
    await venue.operator('create-account', { account: 'three' }, 50001)
  } finally { await venue.remove() }
})

test('the client is the last hop that a proxy of ours names, and nobody else\'s word counts', async () => {
  for (const [proxy, code] of [['127.0.0.1', 0], ['10.0.0.1', 40103]]) {
    const venue = await Venue.start({ args: ['--behind-proxy', proxy] })
    try {
      await venue.list()
      await venue.operator('create-account', { account: 'alice' })
      const made = (await venue.operator('create-api-key', { account: 'alice', scopes: ['read'], ip_list: ['192.0.2.7'] })).result
      const method = 'private/user-balance'
      const headers = { 'x-forwarded-for': '203.0.113.9, 192.0.2.7' }
      const call = (more) => venue.raw({ path: '/exchange/v1/' + method, method: 'POST', headers: more }, JSON.stringify(venue.envelope(made, method)))
      assert.equal((await call(headers)).body.code, code)
      assert.equal((await call({ 'x-forwarded-for': '192.0.2.7, 203.0.113.9' })).body.code, 40103)
      assert.equal((await call({})).body.code, 40103)
    } finally { await venue.remove() }
  }
})

test('/healthz, /readyz and /metrics', async () => {
  const venue = await Venue.start()
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    await venue.post(alice, 'private/create-order', { instrument_name: 'BTCUSD-PERP', side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.1' })
    await venue.post(alice, 'private/create-order', { instrument_name: 'BTCUSD-PERP', side: 'BUY', type: 'LIMIT', price: '0', quantity: '0.1' }, 308)
    assert.equal((await venue.metrics('/healthz')).text, 'ok\n')
    assert.equal((await venue.metrics('/readyz')).text, 'open\n')
    assert.equal((await venue.metrics('/other')).status, 404)
    const page = await venue.metrics()
    assert.match(page.headers['content-type'], /^text\/plain; version=0\.0\.4/)
    const values = new Map()
    let help = false
    for (const line of page.text.trimEnd().split('\n')) {
      if (line.startsWith('# HELP ')) { assert.ok(!help); help = true; continue }
      if (line.startsWith('# TYPE ')) { help = false; assert.match(line, / (counter|gauge|histogram)$/); continue }
      const row = line.match(/^(ringfence_[a-z0-9_]+(?:\{[^}]*\})?) (-?[0-9.]+)$/)
      assert.ok(row, line)
      assert.ok(!values.has(row[1]), 'twice: ' + row[1])
      values.set(row[1], Number(row[2]))
    }
    assert.equal(values.get('ringfence_calls_total{method="private/create-order",code="0"}'), 1)
    assert.equal(values.get('ringfence_calls_total{method="private/create-order",code="308"}'), 1)
    assert.ok(values.get('ringfence_flush_seconds_count') > 0)
    assert.ok(values.get('ringfence_journal_durable_seq') >= 5)
    assert.equal(values.get('ringfence_open_interest{instrument="BTCUSD-PERP"}'), 0)
    assert.ok(values.get('ringfence_disk_free_bytes') > 0)
    assert.ok(values.get('ringfence_journal_written_bytes_total') > 0)
    assert.equal(values.get('ringfence_history_failed'), 0)
    assert.ok(values.get('ringfence_history_behind_records') >= 0)
    assert.ok(values.get('ringfence_history_rows_waiting') >= 0)
    assert.equal(values.get('ringfence_snapshot_age_seconds'), -1)
    const lines = values.get('ringfence_audit_lines')
    assert.ok(lines >= 5)
    assert.equal(fs.readFileSync(path.join(venue.data, 'audit.log'), 'utf8').trimEnd().split('\n').length, lines)
    // The API's listener does not show them.
    assert.equal((await venue.raw({ path: '/metrics' })).status, 404)
    // What a snapshot's age counts from, and the log's lines, outlive a restart.
    await venue.restart()
    const value = async (name) => Number((await venue.metrics()).text.match(new RegExp(`^ringfence_${name} (\\S+)$`, 'm'))[1])
    const age = await value('snapshot_age_seconds')
    assert.ok(age >= 0 && age < 60, `${age}`)
    assert.equal(await value('audit_lines'), lines)
  } finally { await venue.remove() }
})

test('operator/get-status: role, phase, and how far the journal, the snapshots and the history are', async () => {
  const venue = await Venue.start()
  const status = async () => (await venue.operator('get-status')).result
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    const before = await status()
    assert.deepEqual([before.role, before.replicas, before.phase], ['PRIMARY', [], 'open'])
    assert.deepEqual(before.snapshot, { seq: 0, failed: 0 })
    await venue.post(alice, 'private/create-order', { instrument_name: 'BTCUSD-PERP', side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.1' })
    const after = await status()
    // The order's answer was durable, and so was everything before it.
    assert.ok(after.journal.durable_seq > before.applied_seq && after.applied_seq >= after.journal.durable_seq)
    assert.ok(after.journal.appended_seq >= after.applied_seq && after.engine_seq > before.engine_seq)
    assert.ok(after.journal.written_bytes > before.journal.written_bytes && after.journal.last_flush_us >= 0)
    assert.ok(after.history.written_seq <= after.applied_seq && after.history.rows_waiting >= 0)
    assert.equal(after.history.error, '')
    await venue.restart()
    const again = await status()
    assert.ok(again.snapshot.seq >= after.applied_seq, 'the snapshot of the end')
    assert.ok(Math.abs(Date.now() - again.snapshot.time) < 60000)
    assert.ok(again.journal.durable_seq >= again.snapshot.seq && again.applied_seq >= again.snapshot.seq)
  } finally { await venue.remove() }
})
