/// <reference types="vitest/config" />
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vite';

const server = 'http://127.0.0.1:5080';

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  build: {
    outDir: '../Monstera.Server/wwwroot',
    emptyOutDir: true,
    // What light-dark() needs; these know everything else that is used here.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // Everything comes from our own origin as files, so that the content security policy can be strict.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/api': { target: server },
      '/hub': { target: server, ws: true },
      '/openapi': { target: server },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts'],
    restoreMocks: true,
  },
});
