// R13: a whole server on a disk, a network and a clock that fail at random: writes that are short or end in EIO or ENOSPC,
// flushes that are slow or fail, renames that fail; connections that cannot be accepted, are reset, or take and give half;
// a clock that jumps an hour on or back or stands still; clients who are rude. Each seed is a life of some rounds on one
// directory; after each the faults end, the server starts again if it is gone, and what was acknowledged is there.
// SEEDS=2 by default; more by `make faults` (SEEDS=200), SEED says where they begin.
import assert from 'node:assert'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Load, generator } from './load.mjs'
import { Machine } from './machine.mjs'
import { Venue, sleep, tell } from './venue.mjs'

const SEEDS = Number(process.env.SEEDS ?? 2)
const ROUNDS = 4
const HOUR = 3600000
const seen = { halted: 0, killed: 0, stopped: 0, stayed: 0, jumps: 0, disks: 0, networks: 0 }

// What goes wrong in a round. Nothing of it may be the reason of a code: what is answered is answered as ever.
function spoil(machine, random) {
  const what = random(8)
  if (what & 1) { machine.fail({ disk: 20 + random(150), net: 0 }); seen.disks++ }
  if (what & 2) { machine.fail({ disk: machine.faults.disk, net: 20 + random(100) }); seen.networks++ }
  if (what & 4) machine.disk(random(30), random(6) === 0 ? 'EIO' : undefined)
}

async function turn(machine, venue, random) {
  const how = random(4)
  if (how === 0) return
  if (how === 3) machine.stop()
  else machine.jump(how === 1 ? HOUR : -HOUR)
  seen.jumps++
  await sleep(1100) // a tick
}

async function live(seed) {
  const random = generator(seed)
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const machine = new Machine(home)
  const venue = await Venue.start({ home, env: machine.env, args: ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0',
    '--post-only-seconds', '0', '--snapshot-every', '1000', '--segment-size', '1M'] })
  try {
    const load = await Load.prepare(venue)
    for (let round = 0; round < ROUNDS; round++) {
      await turn(machine, venue, random)
      await venue.operator('set-mark-price', { instrument_name: 'BTCUSD-PERP', price: '50000' })
      await load.run(venue, random, async () => {
        machine.seed = seed * 100 + round
        spoil(machine, random)
        await Promise.race([sleep(300 + random(300)), venue.ended])
        if (random(2) === 0) { venue.child.kill('SIGKILL'); await venue.ended }
      }, 2)
      machine.fail({ disk: 0, net: 0 })
      machine.disk(0)
      const { exitCode, signalCode } = venue.child
      assert.ok(exitCode === null || exitCode === 1, `it ended with ${exitCode}: ${venue.log}`)
      assert.ok(exitCode === null || /event=halted/.test(venue.log), venue.log)
      seen[exitCode !== null ? 'halted' : signalCode ? 'killed' : 'stayed']++
      if (exitCode !== null || signalCode) { venue.agent.destroy(); await venue.run(machine.env) }
      await load.check(venue)
    }
    machine.set(machine.add)
    await load.sum(venue)
    const end = await venue.stop()
    assert.equal(end.code, 0, venue.log)
    seen.stopped++
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)
  } catch (error) {
    error.message = `seed ${seed}: ${error.message}\n${venue.log.split('\n').slice(-12).join('\n')}`
    throw error
  } finally { await venue.remove(); fs.rmSync(home, { recursive: true, force: true }) }
}

test(`faults of disk, network and clock, ${SEEDS} seeds`, { timeout: Math.max(120000, SEEDS * 20000) }, async () => {
  const first = Number(process.env.SEED ?? Math.floor(Math.random() * 1000000))
  for (let i = 0; i < SEEDS; i++) await live(first + i)
  console.log(`# seeds ${first} to ${first + SEEDS - 1}: ${JSON.stringify(seen)}`)
})
