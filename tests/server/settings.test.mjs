// Settings that no other test gives: each starts the server with one and looks at what it does.
import assert from 'node:assert'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Venue, program } from './venue.mjs'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
process.on('exit', () => fs.rmSync(home, { recursive: true, force: true }))

test('operator_socket, key_file and web_dir: files are where they are said to be', async () => {
  const socket = path.join(home, 'operators.sock')
  const key = path.join(home, 'sealing.key')
  const web = path.join(home, 'web')
  fs.mkdirSync(web)
  fs.writeFileSync(path.join(web, 'index.html'), '<p>another page</p>')
  const venue = await Venue.start({ args: ['--operator-socket', socket, '--key-file', key, '--web-dir', web] })
  try {
    assert.equal(venue.where.operator_socket, socket)
    assert.equal(fs.statSync(socket).mode & 0o777, 0o600)
    await venue.list()
    await venue.customer('alice')
    assert.equal(fs.statSync(key).mode & 0o777, 0o600)
    assert.ok(!fs.existsSync(venue.data + '.key') && !fs.existsSync(path.join(venue.data, 'operator.sock')))
    assert.match((await venue.raw({ path: '/' })).text, /another page/)
  } finally { await venue.remove() }
})

test('the engine is as big as it is said to be', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--instruments', '1', '--orders', '8', '--positions', '2', '--recent-orders', '4',
    '--withdrawals', '1', '--window-ticks', '8192', '--watch-buckets', '64'] })
  try {
    await venue.list()
    await venue.operator('create-instrument', { instrument_name: 'ETHUSD-PERP', base_ccy: 'ETH', price_tick_size: '0.5', qty_tick_size: '0.001' }, 50001)
    const alice = await venue.customer('alice')
    const order = { instrument_name: 'BTCUSD-PERP', side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.01' }
    let placed = 0
    for (let i = 0; i < 12; i++) {
      const call = JSON.stringify(venue.envelope(alice, 'private/create-order', order))
      const answer = await venue.raw({ path: '/exchange/v1/private/create-order', method: 'POST', headers: { 'content-type': 'application/json' } }, call)
      assert.ok(answer.body.code === 0 || answer.body.code === 50001, answer.text)
      placed += answer.body.code === 0
    }
    assert.ok(placed >= 1 && placed <= 8, `${placed}`)
  } finally { await venue.remove() }
  const data = path.join(home, 'data')
  for (const [option, number, wanted] of [['--window-ticks', '5000', /a power of two/], ['--watch-buckets', '100', /a power of two/],
    ['--withdrawals', '0', /withdrawals takes a whole number/], ['--seed', '-1', /seed takes a whole number/]]) {
    const end = spawnSync(program, ['serve', '--data', data, '--listen', '127.0.0.1:0', option, number], { encoding: 'utf8', timeout: 60000 })
    assert.match(end.stderr, wanted, option)
    assert.notEqual(end.status, 0)
  }
})
