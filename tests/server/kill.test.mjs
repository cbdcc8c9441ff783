// R6: kill -9 of the server under load, and now and then once more while it starts again, on a disk that is slow at
// random. KILLS=20 by default; more by `make crash` (KILLS=500), SEED repeats a run.
import assert from 'node:assert'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Load, generator } from './load.mjs'
import { Machine } from './machine.mjs'
import { Venue, sleep, start, tell } from './venue.mjs'

const KILLS = Number(process.env.KILLS ?? 20)

test(`kill -9 under load, ${KILLS} times`, { timeout: Math.max(600000, KILLS * 5000) }, async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1000000))
  const random = generator(seed)
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const machine = new Machine(home)
  const venue = await Venue.start({ home, env: machine.env, args: ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0',
    '--post-only-seconds', '0', '--snapshot-every', '1000', '--segment-size', '1M'] })
  try {
    const load = await Load.prepare(venue)
    let again = 0, slow = 0
    for (let kill = 0; kill < KILLS; kill++) {
      machine.disk(random(3) === 0 ? (slow++, random(40)) : 0)
      await load.run(venue, random, async () => {
        await sleep(100 + random(300))
        await venue.stop('SIGKILL')
      })
      machine.disk(0)
      if (random(3) === 0) { // while it starts, at whatever it does then
        const child = start(['serve', '--listen', '127.0.0.1:0', '--data', venue.data, ...venue.args], { stdio: 'ignore', env: { ...process.env, ...machine.env } })
        const gone = new Promise((done) => child.on('exit', done))
        await sleep(random(120))
        child.kill('SIGKILL')
        await gone
        again++
      }
      await venue.run(machine.env)
      await load.check(venue)
    }
    const { orders, fills, deposits } = await load.sum(venue)
    const end = await venue.stop()
    assert.equal(end.code, 0, venue.log)
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)
    console.log(`# ${KILLS} kills, ${again} more while it started, ${slow} on a slow disk, ${orders} orders, ${fills} fills, ${deposits} deposits, seed ${seed}`)
    assert.ok(orders > KILLS * 20 && fills > KILLS * 5, 'there was hardly any load')
  } catch (error) {
    error.message = `seed ${seed}: ${error.message}`
    throw error
  } finally { await venue.remove(); fs.rmSync(home, { recursive: true, force: true }) }
})
