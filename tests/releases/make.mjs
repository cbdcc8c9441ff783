// node tests/releases/make.mjs NAME: writes tests/releases/NAME: what this version leaves on disk, and what is in it.
// Run once for each release (and for each rules_version before one); what is there is never made anew.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import zlib from 'node:zlib'
import { Venue, program, tell } from '../server/venue.mjs'
import { options, password, look, verify } from './look.mjs'

const name = process.argv[2]
if (!name) throw new Error('a name is wanted: the release')
const here = path.join(path.dirname(new URL(import.meta.url).pathname), name)
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
fs.mkdirSync(here)

function keep(from, to) {
  fs.mkdirSync(path.join(here, to))
  for (const file of fs.readdirSync(from).filter((one) => /^(journal|snapshot)-\d+$|^audit\.log$|^history\.db(-wal)?$/.test(one)))
    fs.writeFileSync(path.join(here, to, file + '.gz'), zlib.gzipSync(fs.readFileSync(path.join(from, file)), { level: 9 }))
}

// Every kind of command, by the random market.
const commands = path.join(home, 'commands')
fs.mkdirSync(commands)
execFileSync(path.join(path.dirname(program), 'rf_sim'), ['--commands', '4000', '--seed', '3', '--check-every', '0', '--snapshot-every', '1500',
  '--journal', commands, '--hash', '--quiet', '--partial'])
keep(commands, 'commands')

// A venue: people, keys, addresses, orders of every kind, isolations, a liquidation; then a kill behind its snapshot.
const BTC = 'BTCUSD-PERP'
const order = (side, price, more = {}) => ({ instrument_name: BTC, side, type: 'LIMIT', price: String(price), quantity: '0.1', ...more })
const venue = await Venue.start({ home, args: options })
try {
  await venue.list(BTC)
  const keys = {}
  for (const account of ['alice', 'bob', 'carol']) keys[account] = await venue.customer(account)
  const { alice, bob, carol } = keys
  await venue.operator('create-user', { name: 'alice', account: 'alice', password })
  await venue.operator('create-user', { name: 'oscar', role: 'RISK', password, totp: true })
  const payer = (await venue.operator('create-api-key', { account: 'bob', scopes: ['read', 'withdraw'], ip_list: ['127.0.0.1'] })).result
  await venue.post({ account: 'bob', ...payer }, 'private/x/add-withdrawal-address', { currency: 'USD', address: 'bobs-wallet', label: 'bank' })
  await venue.operator('set-withdrawal-limit', { account: 'bob', currency: 'USDC', amount: '1000' })
  await venue.operator('announce', { title: 'Hello', content: 'A notice that survives.' })
  for (let i = 0; i < 5; i++) await venue.post(alice, 'private/create-order', order('SELL', 50010 + 10 * i, { client_oid: `ask-${i}` }))
  await venue.post(bob, 'private/create-order', order('BUY', 50020))
  await venue.post(carol, 'private/create-order', order('BUY', 50030, { exec_inst: ['ISOLATED_MARGIN'], leverage: '50' }))
  await venue.post(bob, 'private/advanced/create-order', { instrument_name: BTC, side: 'SELL', type: 'STOP_LOSS', quantity: '0.1', ref_price: '45000' })
  await venue.post(bob, 'private/amend-order', { order_id: (await venue.post(bob, 'private/create-order', order('BUY', 48000))).result.order_id,
    new_price: '48100', new_quantity: '0.2' })
  await venue.operator('settle-funding', { instrument_name: BTC })
  await venue.operator('set-mark-price', { instrument_name: BTC, price: '48900' }) // carol's isolation falls
  await venue.stop()
  await venue.run()
  await venue.operator('set-mark-price', { instrument_name: BTC, price: '49000' })
  await venue.post(alice, 'private/create-order', order('BUY', 47000, { client_oid: 'behind-the-snapshot' }))
  await venue.post(alice, 'private/cancel-order', { client_oid: 'ask-4' })
  await venue.stop('SIGKILL')
  keep(venue.data, 'venue')
  fs.copyFileSync(venue.data + '.key', path.join(here, 'venue.key'))
  await venue.run()
  const found = await look(venue, keys)
  const time_ms = Date.now() // its hours of funding end here
  await venue.stop('SIGKILL')
  const number = (file, name) => Number(fs.readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').match(new RegExp(`${name} = (\\d+)`))[1])
  const expected = { version: tell(['--version']).trim(), rules_version: number('include/ringfence.h', 'RF_RULES_VERSION'),
    schema_version: number('history/store.h', 'RF_SCHEMA_VERSION'), time_ms, keys, found,
    commands: verify(path.join(here, 'commands'), home), venue: verify(path.join(here, 'venue'), home) }
  fs.writeFileSync(path.join(here, 'expected.json'), JSON.stringify(expected, null, 1) + '\n')
} finally { await venue.remove() }
