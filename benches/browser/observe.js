// Runs in the page before its own scripts. Reads the stamp (see src/stamp.rs) off the video element.
(() => {
  const COLUMNS = 16
  const ROWS = 4
  const BLOCKS_PER_WIDTH = 32
  const CELL = 4
  const SAMPLE_EVERY_MS = 90
  const FREEZE_AFTER_MS = 250

  const notes = { firstPictureMillis: null, samples: [], unreadable: 0, waiting: [], freezes: [] }
  window.weirObserver = { notes }
  const now = () => performance.timeOrigin + performance.now()

  const canvas = document.createElement('canvas')
  canvas.width = COLUMNS * CELL
  canvas.height = ROWS * CELL
  const context = canvas.getContext('2d', { willReadFrequently: true })

  const findVideo = setInterval(() => {
    const video = document.querySelector('video')
    if (!video) return
    clearInterval(findVideo)
    video.addEventListener('waiting', () => {
      if (notes.samples.length > 0) notes.waiting.push(now())
    })
    video.requestVideoFrameCallback(() => onPicture(video, -Infinity))
    watchProgress(video)
  }, 20)

  function onPicture(video, sampledAt) {
    const at = now()
    if (at - sampledAt >= SAMPLE_EVERY_MS) {
      sampledAt = at
      notes.firstPictureMillis ??= performance.now()
      const stamp = readStamp(video)
      if (stamp === null) notes.unreadable += 1
      else notes.samples.push({ at: now(), stamp })
    }
    video.requestVideoFrameCallback(() => onPicture(video, sampledAt))
  }

  function readStamp(video) {
    const block = video.videoWidth / BLOCKS_PER_WIDTH
    context.drawImage(video, block, block, COLUMNS * block, ROWS * block, 0, 0, canvas.width, canvas.height)
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height)
    const green = (x, y) => data[(y * canvas.width + x) * 4 + 1]
    const bits = []
    for (let row = 0; row < ROWS; row++) {
      for (let column = 0; column < COLUMNS; column++) {
        const [x, y] = [column * CELL + 1, row * CELL + 1]
        bits.push(green(x, y) + green(x + 1, y) + green(x, y + 1) + green(x + 1, y + 1) > 4 * 126 ? 1 : 0)
      }
    }
    // Numbers, not bit operations: the time is wider than 32 bits.
    const value = (from, to) => bits.slice(from, to).reduce((sum, bit) => sum * 2 + bit, 0)
    const bytes = [0, 8, 16, 24, 32, 40].map((from) => value(from, from + 8))
    return checkSum(bytes) === value(48, 64) ? value(0, 48) : null
  }

  function checkSum(bytes) {
    let crc = 0xffff
    for (const byte of bytes) {
      crc ^= byte << 8
      for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
    }
    return crc
  }

  function watchProgress(video) {
    let position = 0
    let movedAt = null
    let freeze = null
    setInterval(() => {
      // A page may wait for a click before it plays; here nobody clicks.
      if (video.paused && video.readyState >= 2 && !video.ended) {
        video.muted = true
        video.play().catch(() => {})
      }
      if (video.currentTime !== position) {
        position = video.currentTime
        movedAt = now()
        freeze = null
      } else if (movedAt !== null && notes.samples.length > 0 && now() - movedAt > FREEZE_AFTER_MS) {
        freeze ??= notes.freezes[notes.freezes.push({ at: movedAt, millis: 0 }) - 1]
        freeze.millis = now() - movedAt
      }
    }, 25)
  }
})()
