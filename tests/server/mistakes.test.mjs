// What people get wrong on the command line: one sentence that names it, the right status, and nothing left behind.
import assert from 'node:assert'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Venue, program } from './venue.mjs'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
process.on('exit', () => fs.rmSync(home, { recursive: true, force: true }))
fs.mkdirSync(path.join(home, 'empty'))
fs.writeFileSync(path.join(home, 'file'), 'hello\n')

/** Every name under a directory. readdirSync's own recursion takes a socket for a directory in Node 18. */
function names(dir) {
  return fs.readdirSync(dir, { withFileTypes: true })
    .flatMap((entry) => [path.join(dir, entry.name), ...(entry.isDirectory() ? names(path.join(dir, entry.name)) : [])])
    .sort()
}

function refused(status, error, ...args) {
  const before = names(home)
  const run = spawnSync(program, args, { cwd: home, encoding: 'utf8', timeout: 10000 })
  assert.deepEqual({ status: run.status, error: run.stderr.trimEnd() }, { status, error }, args.join(' '))
  assert.equal(run.stdout, '', args.join(' '))
  assert.deepEqual(names(home), before, args.join(' ') + ' left something behind')
}

test('a key file in a directory that is not there is named once', () => {
  refused(1, 'ringfence serve: /nowhere/key: No such file or directory', 'serve', '--data', 'keyless', '--key-file', '/nowhere/key')
})

test('serve', () => {
  const says = (status, error, ...args) => refused(status, 'ringfence serve: ' + error, 'serve', ...args)
  says(1, 'data: a directory is needed (--data DIR; or --sandbox to try it)')
  says(1, 'file: Not a directory', '--data', 'file')
  says(1, '8080: not an address with its port, like 127.0.0.1:8080', '--data', 'new', '--listen', '8080')
  says(1, '0.0.0.0:0: not a loopback address: put a TLS proxy in front and name it in behind_proxy', '--data', 'new', '--listen', '0.0.0.0:0')
  says(1, 'log_level takes error, warning, info or debug, not "loud"', '--data', 'new', '--log-level', 'loud')
  for (const address of ['127.0.0.1', '127.0.0.1:', '127.0.0.1:abc', '127.0.0.1:99999', ':8080', 'localhost:0x', 'example.com:80', ''])
    for (const option of ['--listen', '--console', '--metrics-listen'])
      if (address || option === '--listen')
        says(1, `${address}: not an address with its port, like 127.0.0.1:8080`, '--data', 'new', option, address)
  for (const option of ['--console', '--metrics-listen'])
    says(1, '[::]:0: not a loopback address: put a TLS proxy in front and name it in behind_proxy', '--data', 'new', option, '[::]:0')
  for (const proxy of ['yes', '--listen', '127.0.0.1,nginx', ','])
    says(1, `behind_proxy takes addresses of proxies, like 127.0.0.1, not: ${proxy === '127.0.0.1,nginx' ? 'nginx' : proxy}`, '--data', 'new', '--behind-proxy', proxy)
  says(1, 'none: no such directory', '--data', 'new', '--web-dir', 'none')
  says(2, '--window-ticks: window_ticks takes a power of two from 4096 to 4194304, not "5000"', '--data', 'new', '--window-ticks', '5000')
  says(2, '--watch-buckets: watch_buckets takes a power of two from 64 to 4194304, not "100"', '--data', 'new', '--watch-buckets', '100')
  says(2, 'none.ini: No such file or directory', '--config', 'none.ini')
  says(2, 'empty: cannot be read', '--config', 'empty')
})

test('serve: files that are not what they should be, before the data directory is made', () => {
  const says = (error, ...args) => refused(1, 'ringfence serve: ' + error, 'serve', '--data', 'new', ...args)
  const long = 'x'.repeat(108)
  says('file: exists and is not a socket', '--operator-socket', 'file')
  says('none/socket: No such file or directory', '--operator-socket', 'none/socket')
  says('file/socket: Not a directory', '--operator-socket', 'file/socket')
  says(`${long}: not a path of at most 107 bytes`, '--operator-socket', long)
  says('none/key: No such file or directory', '--key-file', 'none/key')
  says('none.ini: No such file or directory', '--price-sources', 'none.ini')
  const sources = path.join(home, 'sources.ini')
  fs.writeFileSync(sources, '[a]\nadapter = nobody\n')
  says('sources.ini: [a] adapter: not a value that it takes', '--price-sources', 'sources.ini')
  fs.rmSync(sources)
  says('sandbox: none.csv: No such file or directory', '--sandbox', '--prices', 'none.csv')
  says('sandbox: prices XYZUSD-PERP=none.csv: no such instrument, or it is named twice', '--sandbox', '--prices', 'XYZUSD-PERP=none.csv')
})

test('serve: a socket that is in use is seen before the data directory is made; one inside it may be named', async () => {
  const venue = await Venue.start()
  try {
    refused(1, `ringfence serve: ${venue.where.operator_socket}: in use`, 'serve', '--data', 'new', '--operator-socket', venue.where.operator_socket)
  } finally { await venue.remove() }
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const inside = await Venue.start({ home: dir, args: ['--operator-socket', path.join(dir, 'data', 'here.sock')] })
  assert.equal(inside.where.operator_socket, path.join(dir, 'data', 'here.sock'))
  await inside.remove()
})

test('serve: a file of settings', () => {
  const ini = path.join(home, 'some.ini')
  const says = (text, error) => {
    fs.writeFileSync(ini, text)
    refused(2, `ringfence serve: some.ini:${error}`, 'serve', '--config', 'some.ini')
    fs.rmSync(ini)
  }
  says('[server]\nfoo = 2\n', '2: unknown setting "foo" in [server]')
  says('listen = 127.0.0.1:0\n', '1: listen stands under [server], not before it')
  says('[store]\nlisten = 127.0.0.1:0\n', '2: listen stands under [server], not [store]')
  says('[server]\nlisten = 127.0.0.1:0\nlisten = 127.0.0.1:0\n', '3: listen is set twice')
  says('[server\n', '1: not a [section] and not "name = value"')
})

test('options that nobody knows, and values that are missing', () => {
  const verbs = { serve: '--data', replay: '--accounts', verify: '--check-every', call: '--url', bench: '--runs' }
  for (const [verb, option] of Object.entries(verbs)) {
    refused(2, `ringfence ${verb}: unknown option --bogus (see ringfence help ${verb})`, verb, '--bogus')
    refused(2, `ringfence ${verb}: a value is missing: ${option} (see ringfence help ${verb})`, verb, option)
  }
  for (const verb of ['explain', 'journal', 'simulate'])
    refused(2, `ringfence ${verb}: unknown option --bogus (see ringfence help ${verb})`, verb, '--bogus')
  refused(2, 'ringfence bench: a number out of range: 0 (see ringfence help bench)', 'bench', 'engine', '--runs', '0')
  refused(2, 'ringfence bench: a number out of range: x (see ringfence help bench)', 'bench', 'engine', '--commands', 'x')
})

test('a port that is taken, and a directory', async () => {
  const venue = await Venue.start()
  try {
    const address = `127.0.0.1:${venue.port}`
    const run = spawnSync(program, ['serve', '--data', path.join(home, 'other'), '--listen', address, '--log-level', 'error'], { encoding: 'utf8', timeout: 10000 })
    assert.equal(run.stderr, `ringfence serve: ${address}: in use, by another server perhaps; port 0 is any free one\n`)
    assert.equal(run.status, 1)
  } finally { await venue.remove() }
})

test('verify, explain and journal in the wrong place', () => {
  refused(1, 'ringfence verify: there is no journal in empty', 'verify', 'empty')
  refused(1, 'ringfence verify: cannot list none: No such file or directory', 'verify', 'none')
  refused(1, 'ringfence explain: there is no journal in empty', 'explain', 'empty', '1')
  refused(1, 'ringfence explain: cannot list none: No such file or directory', 'explain', 'none', '1')
  refused(2, 'ringfence explain: ID is a number, not abc (see ringfence help explain)', 'explain', 'empty', 'abc')
  for (const what of ['dump', 'cut']) {
    refused(1, 'ringfence journal: there is no journal in empty', 'journal', what, 'empty')
    refused(1, 'ringfence journal: there is no journal in none: No such file or directory', 'journal', what, 'none')
  }
})

test('the other verbs', () => {
  refused(1, 'ringfence replay: empty: Is a directory', 'replay', 'empty')
  refused(1, 'ringfence replay: none: No such file or directory', 'replay', 'none')
  refused(2, 'ringfence call: the parameters cannot be read: not JSON', 'call', 'public/get-tickers', '{bad')
  refused(1, "ringfence call: no answer from http://127.0.0.1:1: Couldn't connect to server", 'call', 'public/get-tickers', '--url', 'http://127.0.0.1:1')
  refused(2, 'ringfence bench: unknown: nothing (see ringfence help bench)', 'bench', 'nothing')
  refused(2, 'ringfence bench: what to measure is missing (see ringfence help bench)', 'bench')
  refused(2, 'ringfence describe: openapi, schema or reference, not nothing', 'describe')
  refused(2, 'ringfence: unknown verb "hlep" (see ringfence help)', 'hlep')
})
