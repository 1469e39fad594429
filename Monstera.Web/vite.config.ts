/// <reference types="vitest/config" />
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig, type Plugin } from 'vite';

const server = 'http://127.0.0.1:5080';

export default defineConfig({
  plugins: [svelte(), svelteTesting(), packed(), told()],
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

/** Packs every text once, as tightly as it goes, beside the file: the server hands these out to who can unpack them. */
function packed(): Plugin {
  const texts = /\.(?:js|css|html|svg|json|webmanifest|txt)$/;
  let folder = '';
  return {
    name: 'packed',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !texts.test(entry.name)) continue;
        const file = join(entry.parentPath, entry.name);
        const text = readFileSync(file);
        const forms = {
          br: brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }),
          gz: gzipSync(text, { level: 9 }),
        };
        for (const [ending, bytes] of Object.entries(forms)) {
          // A form that saves nothing would only be in the way.
          if (bytes.length < text.length) writeFileSync(`${file}.${ending}`, bytes);
        }
      }
    },
  };
}

/** Tells in dist/packages.json, which is not shipped, files of which packages are in the client: security/sbom.mjs names them. */
function told(): Plugin {
  return {
    name: 'told',
    apply: 'build',
    generateBundle(_, bundle) {
      const places = new Set<string>();
      for (const output of Object.values(bundle)) {
        for (const id of output.type === 'chunk' ? output.moduleIds : []) {
          const place = /^.*?\/(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll('\\', '/'))?.[1];
          if (place !== undefined) places.add(place);
        }
      }
      mkdirSync('dist', { recursive: true });
      writeFileSync('dist/packages.json', `${JSON.stringify([...places].sort(), null, 2)}\n`);
    },
  };
}
