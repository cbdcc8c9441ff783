// What ops/ gives an operator to watch the venue with names nothing that is not there, and leaves no metric out.
import assert from 'node:assert'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Venue } from './venue.mjs'

const read = (name) => fs.readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const alerts = read('ops/alerts.yml')
const board = JSON.parse(read('ops/grafana.json'))
const queries = board.panels.flatMap((panel) => (panel.targets ?? []).map((target) => target.expr))
const named = (text) => new Set((text.match(/\bringfence_[a-z0-9_]+/g) ?? []).map((name) => name.replace(/_(bucket|sum|count)$/, '')))

// The series of the page: their names, and every name="value" they stand under.
async function served() {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const sources = path.join(home, 'sources.ini') // nobody is at home there
  fs.writeFileSync(sources, '[one]\nadapter = coinbase\nsymbol = BTC-USD\nindex_name = BTCUSD-INDEX\nurl = http://127.0.0.1:1\n')
  const venue = await Venue.start({ home, args: ['--sandbox', '--price-sources', sources] })
  try {
    const text = (await venue.metrics()).text
    return { metrics: new Set(text.match(/(?<=^# TYPE )\S+/gm)), labels: new Set(text.match(/[a-z_]+="[^"]*"/g)) }
  } finally {
    await venue.remove()
  }
}

test('alert rules, board and handbook name the metrics that are served', async () => {
  const { metrics, labels } = await served()
  const handbook = read('docs/operations.md')
  for (const [where, text] of [['alerts', alerts], ['board', queries.join('\n')], ['docs/operations.md', handbook]])
    for (const name of named(text))
      assert.ok(metrics.has(name), `${where}: ${name} is not served`)
  for (const name of metrics) assert.ok(named(queries.join('\n')).has(name), `the board does not show ${name}`)
  for (const label of alerts.match(/(?<=\{)outcome="[^"]*"/g)) assert.ok(labels.has(label), `no series has ${label}`)
})

test('an alert says how bad it is, what happened and what to do, with methods that exist', () => {
  const methods = read('api/methods.def')
  const rules = alerts.split(/^ {6}- alert: /m).slice(1)
  assert.ok(rules.length >= 15)
  assert.equal(new Set(rules.map((rule) => rule.split('\n')[0])).size, rules.length)
  for (const rule of rules)
    for (const part of [/^Ringfence\w+\n/, /^ {8}expr: \S/m, /^ {8}labels: \{severity: (page|ticket)\}$/m, /^ {10}summary: ".+\."$/m, /^ {10}action: ".+\."$/m])
      assert.match(rule, part)
  for (const [method] of alerts.matchAll(/\boperator\/[a-z-]+/g)) assert.ok(methods.includes(`"${method}"`), `${method} is no method`)
})

test('the panels of the board lie beside each other, each with a title of its own', () => {
  const taken = new Set()
  for (const { title, gridPos: { x, y, w, h } } of board.panels) {
    assert.ok(x >= 0 && x + w <= 24, title)
    for (let row = y; row < y + h; row++)
      for (let column = x; column < x + w; column++) {
        assert.ok(!taken.has(`${row} ${column}`), `${title} lies over another`)
        taken.add(`${row} ${column}`)
      }
  }
  assert.equal(new Set(board.panels.map((panel) => panel.title)).size, board.panels.length)
})
