import { describe, expect, it } from "vitest";
import { type Message, SseParser } from "./sse";

const TEXT = 'id: 42\nevent: stream.live\ndata: {"a":\ndata: 1}\n\n: heartbeat\n\nid:43\r\ndata:x\r\n\r\n';
const MESSAGES: Message[] = [{ id: "42", type: "stream.live", data: '{"a":\n1}' }, { id: "43", type: "message", data: "x" }];

describe("server-sent events", () => {
  it("are read wherever they are cut", () => {
    for (let cut = 0; cut <= TEXT.length; cut += 1) {
      const parser = new SseParser();
      expect([...parser.push(TEXT.slice(0, cut)), ...parser.push(TEXT.slice(cut))], `cut at ${cut}`).toEqual(MESSAGES);
    }
  });
});
