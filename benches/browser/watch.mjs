// Watches a player page in Chromium. Says "ready", takes the page's address as a line, and at the
// line "end" prints what it saw as one line of JSON. browser.rs is at the other end of the pipes.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const webPackages = createRequire(new URL('../../web/package.json', import.meta.url))
const { chromium } = webPackages('playwright-core')

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
})
// Stamps are read from the decoded picture; a small page leaves the processor to those that are measured.
const page = await browser.newPage({ viewport: { width: 640, height: 400 } })
await page.addInitScript({ path: fileURLToPath(new URL('observe.js', import.meta.url)) })
const errors = []
page.on('pageerror', (error) => errors.push(String(error)))
console.log('ready')

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break
  await page.goto(line, { waitUntil: 'commit' })
}
const notes = await page.evaluate(() => window.weirObserver?.notes)
console.log(JSON.stringify({ ...notes, errors }))
await browser.close()
process.exit(0)
