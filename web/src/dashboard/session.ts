const KEY = "weir.token";

/** Where the token is kept: for this tab, or on this device until signing out. */
export const session = {
  get token(): string | null {
    return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
  },
  keep(token: string, onDevice: boolean): void {
    session.forget();
    (onDevice ? localStorage : sessionStorage).setItem(KEY, token);
  },
  forget(): void {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  },
};
