// The wall clock and the disk of a server, for a test to set (machine.c, loaded before it), and with the clock the one
// that the test signs by.
import fs from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { program } from './venue.mjs'

const machine = Date.now.bind(Date)

export class Machine {
  // add: milliseconds beside the machine's clock.
  constructor(home, add = 0) {
    this.file = path.join(home, 'machine')
    this.flush_ms = this.flush_error = this.seed = this.ahead = 0
    this.faults = { disk: 0, net: 0 }
    this.set(add)
    Date.now = () => this.still || machine() + this.add
    this.env = { LD_PRELOAD: path.join(path.dirname(program), 'test_machine.so'), RINGFENCE_TEST_MACHINE: this.file }
  }

  write() {
    const bytes = Buffer.alloc(64)
    for (const [at, value] of [this.add * 1e6, this.still * 1e6, this.flush_ms * 1e6, this.flush_error, this.seed, this.faults.disk, this.faults.net, this.ahead * 1e6].entries())
      bytes.writeBigInt64LE(BigInt(value), 8 * at)
    // In place: the server has it mapped.
    const file = fs.openSync(this.file, fs.existsSync(this.file) ? 'r+' : 'w')
    fs.writeSync(file, bytes, 0, bytes.length, 0)
    fs.closeSync(file)
  }

  set(add, still = 0) { this.add = add; this.still = still; this.write() }
  jump(ms) { this.set(this.add + ms) }
  stop() { this.set(this.add, Date.now()) }
  // The clock that nobody can set: it only goes on.
  pass(ms) { this.ahead += ms; this.write() }
  // One in so many calls of the disk (writes, renames) and of the network (accept, receive, send) fails; 0 = none.
  fail(faults) { this.faults = faults; this.write() }
  // Every flush takes that long, and then fails if there is an error ('EIO').
  disk(flush_ms, error) { this.flush_ms = flush_ms; this.flush_error = error ? constants.errno[error] : 0; this.write() }
}
