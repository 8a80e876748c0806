const KEY = "weir.viewer";

/** A random name for this browser, so that one person with a broken connection stays one viewer. */
export function viewerId(): string {
  try {
    const known = sessionStorage.getItem(KEY);
    if (known) return known;
    const made = random();
    sessionStorage.setItem(KEY, made);
    return made;
  } catch {
    return random();
  }
}

// Not crypto.randomUUID: that one is missing from pages without TLS.
function random(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
