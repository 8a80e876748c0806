const KEY = "weir.token";

/** The token of a browser that keeps nothing for the page: it lasts until the page is left. */
let unkept: string | null = null;

/** Where the token is kept: for this tab, or on this device until signing out. */
export const session = {
  get token(): string | null {
    return unkept ?? tried(() => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY)) ?? null;
  },
  keep(token: string, onDevice: boolean): void {
    session.forget();
    const kept = tried(() => {
      (onDevice ? localStorage : sessionStorage).setItem(KEY, token);
      return true;
    });
    if (!kept) unkept = token;
  },
  forget(): void {
    unkept = null;
    tried(() => sessionStorage.removeItem(KEY));
    tried(() => localStorage.removeItem(KEY));
  },
};

/** What a use of the storage gives; undefined where that is blocked, or full. */
function tried<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
