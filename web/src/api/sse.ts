/** One server-sent event. */
export interface Message {
  id: string;
  type: string;
  data: string;
}

/** Reads server-sent events (HTML standard, section 9.2.6) from an answer's pieces, wherever they are cut. */
export class SseParser {
  private unread = "";

  push(piece: string): Message[] {
    this.unread += piece;
    const blocks = this.unread.split(/\r?\n\r?\n/);
    this.unread = blocks.pop()!;
    return blocks.map(parse).filter((message) => message !== null);
  }
}

function parse(block: string): Message | null {
  const message: Message = { id: "", type: "message", data: "" };
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^([^:]+):? ?(.*)$/.exec(line) ?? [];
    if (name === "data") data.push(value!);
    else if (name === "id") message.id = value!;
    else if (name === "event") message.type = value!;
  }
  // A comment, which only shows that somebody is there.
  if (data.length === 0) return null;
  return { ...message, data: data.join("\n") };
}
