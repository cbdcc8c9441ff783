// The wall clock of a server, for a test to set (clock.c, loaded before it), and with it the one that the test signs by.
import fs from 'node:fs'
import path from 'node:path'
import { program } from './venue.mjs'

const machine = Date.now.bind(Date)

export class Clock {
  // add: milliseconds beside the machine's clock.
  constructor(home, add) {
    this.file = path.join(home, 'clock')
    this.set(add)
    Date.now = () => this.still || machine() + this.add
    this.env = { LD_PRELOAD: path.join(path.dirname(program), 'test_clock.so'), RINGFENCE_TEST_CLOCK: this.file }
  }

  write() {
    const bytes = Buffer.alloc(16)
    bytes.writeBigInt64LE(BigInt(this.add) * 1000000n, 0)
    bytes.writeBigInt64LE(BigInt(this.still) * 1000000n, 8)
    // In place: the server has it mapped.
    const file = fs.openSync(this.file, fs.existsSync(this.file) ? 'r+' : 'w')
    fs.writeSync(file, bytes, 0, 16, 0)
    fs.closeSync(file)
  }

  set(add, still = 0) { this.add = add; this.still = still; this.write() }
  jump(ms) { this.set(this.add + ms) }
  stop() { this.set(this.add, Date.now()) }
}
