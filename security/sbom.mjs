// Writes what the server is made of as CycloneDX 1.6 JSON: NuGet packages from what was restored, npm packages from what the client's build put into its files.
//
//   node security/sbom.mjs [--assets Monstera.Server/obj/project.assets.json] [--lock Monstera.Web/package-lock.json]
//                          [--bundled Monstera.Web/dist/packages.json] [--version 0.1.0] [--out sbom.json]
//
// The scope of a component is "required" when it is shipped, "excluded" when it only helped to build. The same inputs give the same file, byte for byte.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values: given } = parseArgs({
  options: {
    assets: { type: 'string', default: 'Monstera.Server/obj/project.assets.json' },
    lock: { type: 'string', default: 'Monstera.Web/package-lock.json' },
    bundled: { type: 'string', default: 'Monstera.Web/dist/packages.json' },
    version: { type: 'string', default: '0.1.0' },
    out: { type: 'string', default: 'sbom.json' },
  },
});

const components = [...nuget(read(given.assets, 'Restore the server first.')), ...npm(read(given.lock, 'It is in the repository.'), read(given.bundled, 'Build the client first.'))];
components.sort((a, b) => (a.purl < b.purl ? -1 : a.purl > b.purl ? 1 : 0));
const sbom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: { component: { type: 'application', 'bom-ref': 'monstera', name: 'monstera', version: given.version } },
  components,
};
writeFileSync(given.out, `${JSON.stringify(sbom, null, 2)}\n`);
console.log(`${given.out}: ${components.filter((one) => one.scope === 'required').length} shipped, ${components.filter((one) => one.scope === 'excluded').length} only for building.`);

function read(file, hint) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.error(`${file} cannot be read (${error.code ?? 'no JSON'}). ${hint}`);
    process.exit(1);
  }
}

/** Packages of all targets, each once. One that brings no file of its own to run, an analyzer say, is not shipped. */
function nuget(assets) {
  const shipped = new Set();
  for (const target of Object.values(assets.targets)) {
    for (const [key, one] of Object.entries(target)) {
      const files = [...Object.keys(one.runtime ?? {}), ...Object.keys(one.runtimeTargets ?? {}), ...Object.keys(one.native ?? {}), ...Object.keys(one.resource ?? {})];
      if (one.type === 'package' && files.some((file) => !file.endsWith('/_._'))) shipped.add(key);
    }
  }
  return Object.entries(assets.libraries)
    .filter(([, library]) => library.type === 'package')
    .map(([key, library]) => {
      const [name, version] = key.split('/');
      return component(`pkg:nuget/${name}@${version}`, name, version, shipped.has(key), 'SHA-512', library.sha512 && Buffer.from(library.sha512, 'base64'));
    });
}

/** Packages of the lock file, each name and version once; it is shipped if any of its places was. */
function npm(lock, bundled) {
  const wanted = new Set(bundled);
  const found = new Map();
  for (const [place, one] of Object.entries(lock.packages)) {
    // Optional ones for other machines are in no build.
    if (place === '' || one.link) continue;
    const name = one.name ?? place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const purl = `pkg:npm/${name.replace('@', '%40')}@${one.version}`;
    const isShipped = wanted.delete(place) || found.get(purl)?.scope === 'required';
    const [algorithm, hash] = (one.integrity ?? '').split('-');
    found.set(purl, component(purl, name, one.version, isShipped, algorithm?.replace('sha', 'SHA-'), hash && Buffer.from(hash, 'base64')));
  }
  if (wanted.size > 0) {
    console.error(`The client has files of packages that ${given.lock} does not know: ${[...wanted].join(', ')}. Build it anew after npm ci.`);
    process.exit(1);
  }
  return [...found.values()];
}

function component(purl, name, version, isShipped, algorithm, hash) {
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    scope: isShipped ? 'required' : 'excluded',
    ...(hash ? { hashes: [{ alg: algorithm, content: hash.toString('hex') }] } : {}),
    purl,
  };
}
