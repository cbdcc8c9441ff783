// What the maker of a release's files and their test both look at.
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { spawnSync } from 'node:child_process'
import { exchange, program } from '../server/venue.mjs'

export const password = 'a password of the fixture'
export const options = ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0', '--console', '127.0.0.1:0',
  '--segment-size', '1M', '--orders', '1024', '--positions', '1024', '--recent-orders', '1024', '--address-delay-hours', '0']

/** Unpacks a release's files into a directory of their own. */
export function unpack(from, to) {
  fs.mkdirSync(to, { mode: 0o700 })
  for (const file of fs.readdirSync(from)) fs.writeFileSync(path.join(to, file.replace(/\.gz$/, '')), zlib.gunzipSync(fs.readFileSync(path.join(from, file))))
  return to
}

/** What `ringfence verify` says of them, in the words that must stay; or why it refuses them. */
export function verify(from, home) {
  const dir = fs.existsSync(path.join(from, 'journal-00000000000000000001')) ? from : unpack(from, fs.mkdtempSync(path.join(home, 'v-')) + '/data')
  const end = spawnSync(program, ['verify', '--json', dir], { encoding: 'utf8', timeout: 60000 })
  const said = JSON.parse(end.stdout || '{"ok":false}')
  if (!said.ok) return { ok: false, why: (said.error ?? '') + end.stderr }
  const { ok, commands, digest, registry_changes, last_record, snapshots_compared } = said
  return { ok, commands, digest, registry_changes, last_record, snapshots_compared }
}

/** Accounts, orders, people, keys and notices as a server on those files tells of them. */
export async function look(venue, keys) {
  const found = {}
  await venue.operator('set-mark-price', { instrument_name: 'BTCUSD-PERP', price: '49000' })
  for (const name in keys) {
    const { balance } = (await venue.operator('get-account', { account: name })).result
    found[name] = { cash: balance.total_cash_balance,
      positions: (await venue.post(keys[name], 'private/get-positions')).result.data.map((row) => [row.instrument_name, row.quantity, row.isolation_id ?? null]),
      orders: (await venue.post(keys[name], 'private/get-open-orders')).result.data.map((row) => [row.order_id, row.client_oid, row.side, row.limit_price, row.quantity]),
      triggers: (await venue.post(keys[name], 'private/advanced/get-open-orders')).result.data.map((row) => [row.order_id, row.ref_price]) }
  }
  found.users = (await venue.operator('list-users')).result.data.map((row) => [row.name, row.role, row.account ?? null, row.totp])
  found.keys = Object.fromEntries(await Promise.all(Object.keys(keys).map(async (account) =>
    [account, (await venue.operator('list-api-keys', { account })).result.data.map((row) => [row.api_key, row.scopes, row.ip_list ?? null])])))
  const console = new URL(venue.where.console_url)
  const logIn = async (at, name) => {
    const url = new URL(at)
    return (await exchange({ host: url.hostname, port: url.port, path: '/auth/login', method: 'POST', headers: { origin: url.origin } },
      JSON.stringify({ name, password }))).body
  }
  found.login = [(await logIn(venue.where.url, 'alice')).code, (await logIn(console.origin, 'oscar')).error_data] // who wants a code has the right password
  found.notices = (await venue.get('public/get-announcements')).result.data.map((row) => [row.title, row.content])
  found.house = (await venue.operator('get-house-balances')).result
  return found
}
