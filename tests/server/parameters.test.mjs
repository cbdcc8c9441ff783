// Whatever is malformed, of every parameter of every method, is refused with the parameter's name, and so is what is
// missing; nothing breaks. The methods and their parameters come from the tables in api/.
import assert from 'node:assert'
import { execFileSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { Venue } from './venue.mjs'

const source = new URL('../..', import.meta.url).pathname

function rows(table, ...macros) {
  const text = execFileSync('cc', ['-E', '-P', '-xc', '-I', source, ...macros.map((one) => '-D' + one), source + table], { encoding: 'utf8' })
  return text.split('@ROW ').slice(1).map((row) => row.trim().split(/\s+/))
}

const methods = rows('api/methods.def', 'RF_CHAPTER(title,tag)=', 'RF_METHOD(id,name,door,flags,set,handler,doc)=@ROW name door set')
  .map(([name, door, set]) => ({ name: JSON.parse(name), door, set }))
const params = rows('api/params.def', 'RF_PARAMS(set)=', 'RF_PARAM(set,name,type,need,bad,values,aliases,doc)=@ROW set name type need values')
  .map(([set, name, type, need, ...values]) => ({ set, name, type, need, values: JSON.parse(values.join('')).split('|') }))

const names = { instrument_name: 'BTCUSD-PERP', currency: 'USDC', account: 'alice' }
const sound = { TEXT: 'x', NAME: 'x', ID: '1', INT: '1', TIME: '1700000000000', DECIMAL: '1', LEVERAGE: '2', BOOL: true, OBJECTS: [{}], TEXTS: ['1'] }
const good = ({ name, type, values }) => type === 'ENUM' ? values[0] : type === 'ENUMS' ? [values[0]] : names[name] ?? sound[type]
const odd = [{ a: 1 }, [], '', 'x\u0001', -1, 1000, '1.5.5', true, '99999999999999999999999', ['x'], [[]], 'nope']

let venue, alice

before(async () => {
  venue = await Venue.start({ args: ['--rate-limits', 'off'] })
  await venue.list()
  alice = await venue.customer('alice')
})
after(() => venue.remove())

async function call({ name, door }, given) {
  if (door === 'OPERATOR') return venue.operator(name.slice('operator/'.length), given, null)
  const envelope = door === 'PRIVATE' ? venue.envelope(alice, name, given) : { id: 1, method: name, params: given }
  return (await venue.raw({ path: `/exchange/v1/${name}`, method: 'POST' }, JSON.stringify(envelope))).body
}

test('a malformed parameter is named', async () => {
  let refusals = 0
  for (const method of methods) {
    const set = params.filter((one) => one.set === method.set)
    const needed = Object.fromEntries(set.filter((one) => one.need === 'REQUIRED').map((one) => [one.name, good(one)]))
    for (const param of set) {
      for (const value of odd) {
        const answer = await call(method, { ...needed, [param.name]: value })
        const what = `${method.name} ${param.name} ${JSON.stringify(value)}: ${JSON.stringify(answer)}`
        assert.ok(answer && ![40001, 50001].includes(answer.code), what)
        if (answer.code < 40003 || answer.code > 40005) continue
        refusals++
        assert.ok(answer.error_data?.param, what)
      }
      if (param.need !== 'REQUIRED') continue
      const { [param.name]: missing, ...others } = needed
      assert.equal((await call(method, others)).error_data?.param, param.name, `${method.name} without ${param.name}`)
    }
  }
  assert.ok(refusals > 1000, `${refusals} refusals only`)
})
