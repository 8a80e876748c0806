import type { ErrorData } from "hls.js";

/** An error of hls.js in a line. */
export function describe({ type, details, response }: ErrorData): string {
  return `${type}: ${details}${response ? ` (${response.code})` : ""}`;
}
