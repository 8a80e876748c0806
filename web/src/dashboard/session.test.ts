import { afterEach, expect, it, vi } from "vitest";
import { session } from "./session";

class Kept {
  readonly items = new Map<string, string>();
  getItem = (key: string): string | null => this.items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.items.set(key, value);
  removeItem = (key: string): void => void this.items.delete(key);
}

function blocked(): never {
  throw new DOMException("The operation is insecure.", "SecurityError");
}

afterEach(() => {
  session.forget();
  vi.unstubAllGlobals();
});

it("keeps the token for the tab, or on the device, and nowhere else", () => {
  const [tab, device] = [new Kept(), new Kept()];
  vi.stubGlobal("sessionStorage", tab);
  vi.stubGlobal("localStorage", device);
  session.keep("one", false);
  expect([session.token, tab.items.size, device.items.size]).toEqual(["one", 1, 0]);
  session.keep("two", true);
  expect([session.token, tab.items.size, device.items.size]).toEqual(["two", 0, 1]);
  session.forget();
  expect([session.token, tab.items.size, device.items.size]).toEqual([null, 0, 0]);
});

it("lasts for the visit where the browser keeps nothing", () => {
  const closed = { getItem: blocked, setItem: blocked, removeItem: blocked };
  vi.stubGlobal("sessionStorage", closed);
  vi.stubGlobal("localStorage", closed);
  expect(session.token).toBeNull();
  session.keep("one", true);
  expect(session.token).toBe("one");
  session.forget();
  expect(session.token).toBeNull();
});
