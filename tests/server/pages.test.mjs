// The program with its pages and without them (a build without Node): what "/" answers, and what the start says. ./test runs
// this on both.
import assert from 'node:assert'
import { test } from 'node:test'
import { Venue, exchange } from './venue.mjs'

test('at / stands the page, or the reason why there is none and where the API is', async () => {
  const venue = await Venue.start({ args: ['--sandbox'] })
  try {
    const answer = await exchange({ host: '127.0.0.1', port: venue.port, path: '/' })
    assert.match(answer.headers['content-security-policy'], /default-src/)
    if (answer.status === 200) {
      assert.match(answer.headers['content-type'], /^text\/html/)
      assert.match(venue.log, /\nIn a browser: http:\/\/127\.0\.0\.1:\d+, name trader, password \S+ /)
      assert.doesNotMatch(venue.log, /no_pages|no page/)
    } else {
      assert.equal(answer.status, 404)
      assert.match(answer.headers['content-type'], /^text\/plain/)
      const [, reason] = answer.text.match(/^This program has no pages: (.+)\.\nThe API is here: \/exchange\/v1\/, described at \/openapi\/\.\n$/)
      assert.ok(venue.log.includes(`level=warning event=no_pages reason="${reason}"\n`), venue.log)
      assert.ok(venue.log.includes(`\nThere is no page to trade on: ${reason}.\n`), venue.log)
      assert.doesNotMatch(venue.log, /In a browser/)
    }
    assert.equal(answer.status === 200, !process.env.RINGFENCE?.includes('asan'), 'each build once')
    assert.equal((await exchange({ host: '127.0.0.1', port: venue.port, path: '/openapi/' })).status, 200)
  } finally {
    await venue.remove()
  }
})
