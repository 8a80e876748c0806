import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

const server = "http://127.0.0.1:8080";

export default defineConfig({
  resolve: {
    // The light build has all that Weir's muxed live streams need, at two thirds of the size.
    alias: [{ find: /^hls\.js$/, replacement: "hls.js/light" }],
  },
  build: {
    target: "es2022",
    // The pages are served under a Content-Security-Policy without inline scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    rollupOptions: {
      input: {
        index: resolve(import.meta.dirname, "index.html"),
        player: resolve(import.meta.dirname, "player.html"),
        docs: resolve(import.meta.dirname, "docs.html"),
      },
    },
  },
  plugins: [
    {
      // In development the player answers at the address at which the server has it.
      name: "player-address",
      configureServer(dev) {
        dev.middlewares.use((request, _response, next) => {
          if (/^\/live\/[^/]+(\?|$)/.test(request.url ?? "")) request.url = "/player.html";
          next();
        });
      },
    },
  ],
  server: {
    proxy: {
      "/api": { target: server, ws: true },
      "^/live/[^/]+/.+": { target: server },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});
