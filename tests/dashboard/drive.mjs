// Runs a stream from the dashboard, as a person does: sign in, create, publish, watch, change, stop, delete; and a webhook.
// `node drive.mjs BASE_URL TOKEN [FOLDER]`; screenshots go to the folder. Fails with what was not as it should be.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const { chromium } = createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core')
const [base, token, folder] = process.argv.slice(2)

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--autoplay-policy=no-user-gesture-required',
  ],
})
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'] })
const page = await context.newPage()
page.setDefaultTimeout(20_000)
const errors = []
page.on('pageerror', (error) => errors.push(String(error)))
page.on('console', (message) => {
  // The preview looks for a playlist that isn't there while the stream is off the air.
  const sought = message.text().includes('404') && /index\.m3u8\?/.test(message.location().url)
  if (message.type() === 'error' && !sought) errors.push(`${message.text()} ${message.location().url}`)
})

const button = (name, within = page) => within.getByRole('button', { name, exact: true })
const fact = (name) => page.locator('dl > div', { has: page.getByText(name, { exact: true }) }).locator('dd')
const shown = (locator, state = 'visible') => locator.waitFor({ state })
const text = async (locator) => (await locator.textContent())?.trim()
const shot = async (name) => folder && page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
const playlist = async (id) => (await fetch(`${base}/live/${id}/index.m3u8`)).text()

/** An encoder as most people set it up, but for its keyframes, which are too rare. */
function publish(url) {
  const encoder = spawn('ffmpeg', [
    '-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-f', 'lavfi', '-i', 'sine=sample_rate=48000',
    '-t', '60', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '150', '-c:a', 'aac', '-f', 'flv', url,
  ], { stdio: ['pipe', 'ignore', 'inherit'] })
  process.on('exit', () => encoder.kill('SIGKILL'))
  return { encoder, gone: once(encoder, 'exit') }
}

// A wrong token is told; the right one leads to an empty list.
await page.goto(base)
await page.getByLabel('Access token').fill('wrong')
await button('Sign in').click()
await shown(page.locator('.form-error:not(:empty)'))
await page.getByLabel('Access token').fill(token)
await button('Sign in').click()
await shown(page.getByText('No streams yet'))
// The refused token is an error in the browser's eyes, and the only one.
assert.ok(errors.splice(0).every((error) => error.includes('401')))

// The API's page shows every call, under the same policy as the others.
await page.getByRole('link', { name: 'API', exact: true }).click()
await shown(page.getByRole('heading', { name: 'Make a stream and its key' }))
const described = await page.evaluate(async () => (await fetch('/api/openapi.json')).json())
const calls = Object.values(described.paths).flatMap((item) => Object.keys(item))
assert.equal(await page.locator('.operation').count(), calls.length)
await shown(page.locator('#post-api-live-create .command', { hasText: 'curl -X POST' }))
await shot('docs')
await page.goBack()
await shown(page.getByText('No streams yet'))

// The form begins with the server's defaults, and refuses what the server would.
await button('New stream').first().click()
const dialog = page.getByRole('dialog')
await dialog.getByLabel('Title').fill('Evening lecture')
await dialog.getByText('When the encoder drops out').click()
assert.equal(await dialog.getByLabel('Wait for it (seconds)').inputValue(), '1')
await dialog.getByLabel('Wait for it (seconds)').fill('1801')
await button('Create stream', dialog).click()
assert.ok(await dialog.isVisible())
await dialog.getByLabel('Wait for it (seconds)').fill('20')
// What was typed survives clicks on its edge and beside it; a wrong value that isn't shown any more is no obstacle.
await dialog.click({ position: { x: 4, y: 4 } })
await page.mouse.click(4, 4)
await dialog.getByLabel('Record broadcasts').check()
await dialog.getByLabel('Rewind (seconds)').fill('0')
await dialog.getByLabel('Record broadcasts').uncheck()
await shot('create')
await button('Create stream', dialog).click()
await shown(page.getByRole('heading', { name: 'Evening lecture', level: 1 }))
assert.equal(await text(fact('Wait for the encoder')), '20 s')
assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'H1')
const id = new URL(page.url()).hash.split('/').pop()

// The key is hidden until it is asked for, and copied without being shown.
const key = page.locator('.field', { hasText: 'Stream key' }).locator('code')
assert.match(await text(key), /^•+$/)
await button('Copy stream key').click()
await page.waitForFunction(async () => /^[0-9a-f]{32,}$/.test(await navigator.clipboard.readText()))
const copied = await page.evaluate(() => navigator.clipboard.readText())
await shown(page.getByRole('status').getByText('Copied'), 'attached')
await button('Show stream key').click()
await page.waitForFunction((key) => document.body.innerText.includes(key), copied)
const server = await text(page.locator('.field', { hasText: 'Server' }).locator('code'))

// A server of theirs is told of it: the secret is shown once, and a test event tells that it is there.
const taken = []
const receiver = createServer((request, response) => {
  request.setEncoding('utf8').on('data', (text) => taken.push(JSON.parse(text).type)).on('end', () => response.end('thanks'))
})
receiver.listen(0, '127.0.0.1')
await once(receiver, 'listening')
await page.getByRole('link', { name: 'Webhooks', exact: true }).click()
await shown(page.getByText('No webhooks yet'))
await button('New webhook').first().click()
await dialog.getByLabel('URL').fill(`http://127.0.0.1:${receiver.address().port}/hook`)
await dialog.getByLabel('viewers.limit').uncheck()
await shot('webhook')
await button('Create webhook', dialog).click()
await shown(dialog.getByText(/^whsec_/))
await button('Done', dialog).click()
const webhook = page.locator('.webhook')
await shown(webhook.getByText('Enabled'))
await page.getByText(/whsec_/).waitFor({ state: 'detached' })
await button('Test', webhook).click()
await shown(page.locator('.toast', { hasText: 'The test event was taken: 200' }))
assert.deepEqual(taken, ['webhook.test'])
await page.goBack()
await shown(page.getByRole('heading', { name: 'Evening lecture', level: 1 }))

// It is seen live: the state, the preview's picture, the figures, the advice.
const { encoder, gone } = publish(`${server}/${copied}`)
await shown(page.locator('.badge [data-kind="live"]'))
const preview = page.frameLocator('iframe.preview')
await shown(preview.locator('#player[data-phase="live"]'))
await shown(page.locator('.events li', { hasText: 'Went live' }))
await shown(page.locator('.events li', { hasText: 'Created' }))
await shown(page.locator('[data-code="keyframes"]'))
assert.match(await text(fact('Encodes')), /^(every frame|one frame in \d)$/)
await shown(page.locator('[data-code="b-frames"]'), 'detached')
assert.match(await text(fact('Video')), /^H264, 640 × 360$/)
assert.ok((await page.locator('.chart canvas').count()) >= 6)
assert.match(await playlist(id), /#EXT-X-PART-INF/)
await shot('live')

// Options change for the next broadcast; the one on air goes on.
await button('Change').click()
await dialog.getByLabel('Title').fill('Morning lecture')
await dialog.getByLabel('Latency').selectOption('standard')
await button('Save', dialog).click()
await shown(page.getByRole('heading', { name: 'Morning lecture', level: 1 }))
await shown(page.locator('.options', { hasText: 'standard' }))
assert.match(await playlist(id), /#EXT-X-PART-INF/)

// The list shows its picture.
await page.getByRole('link', { name: 'Streams', exact: true }).click()
const row = page.locator('.stream-row', { hasText: 'Morning lecture' })
await shown(row.locator('[data-kind="live"]'))
await page.waitForFunction(() => document.querySelector('.thumbnail img')?.naturalWidth > 0)
await shot('list')
await row.click()

// Stopping asks first, and the encoder is sent away.
await button('Stop').click()
await button('Cancel', dialog).click()
assert.equal(encoder.exitCode, null)
await button('Stop').click()
await button('Stop broadcast', dialog).click()
await Promise.all([gone, shown(page.locator('.events li', { hasText: 'Ended: stopped by an API call' }))])
await shown(button('Start'))
await shown(preview.locator('#player[data-phase="ended"]'))
await shot('ended')

// Started again, it is what its options say now; then it is deleted while it is live.
await button('Start').click()
const again = publish(`${server}/${copied}`)
await shown(page.locator('.badge [data-kind="live"]'))
assert.doesNotMatch(await playlist(id), /#EXT-X-PART/)
await button('Delete').click()
await button('Delete stream', dialog).click()
await shown(page.getByText('No streams yet'))
await again.gone
await shot('empty')

// What it was told is listed; disabled, it is told nothing; then it is gone.
await page.getByRole('link', { name: 'Webhooks', exact: true }).click()
await webhook.getByText('Deliveries').click()
await shown(webhook.locator('li', { hasText: /stream.live: 200/ }).first())
assert.ok(taken.includes('stream.ended') && !taken.includes('stream.created'))
await webhook.getByText('Its answer').first().click()
await shown(webhook.getByText('thanks', { exact: true }).first())
await shot('webhooks')
await button('Disable', webhook).click()
await shown(webhook.getByText('Disabled', { exact: true }))
await button('Delete', webhook).click()
await button('Delete webhook', dialog).click()
await shown(page.getByText('No webhooks yet'))
receiver.close()

// Nothing of the token stays after signing out.
await button('Sign out').click()
await shown(page.getByLabel('Access token'))
assert.equal(await page.evaluate(() => localStorage.length + Number('weir.token' in sessionStorage)), 0)
assert.deepEqual(errors, [])
await browser.close()
process.exit(0)
