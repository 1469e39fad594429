// Asks the package sources whether a package of ours is known to be vulnerable: NuGet's of the whole solution, npm's of the client and of the load tests.
//
//   node security/audit.mjs        exit code 0: none but accepted ones; 1: there are some; 3: a source could not be asked, and what could be is fine
//
// Accepted ones stand in security/accepted.json with the reason, and are told of when nobody reports them any more.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const accepted = JSON.parse(readFileSync(join(root, 'security', 'accepted.json'), 'utf8'));
const seen = new Set();
let found = 0;
let silent = 0;

// Ends with 0 when the index of a source names a resource with advisories.
const probe = `
  const source = process.argv[1];
  if (!/^https?:/.test(source)) process.exit(1);
  const index = await (await fetch(source, { signal: AbortSignal.timeout(20_000) })).json();
  process.exit(index.resources.some((one) => one['@type'].startsWith('VulnerabilityInfo')) ? 0 : 1);
`;

audit('NuGet', nuget);
audit('npm, client', () => npm('Monstera.Web'));
audit('npm, load tests', () => npm('k6'));
if (silent === 0) {
  for (const advisory of Object.keys(accepted).filter((id) => !seen.has(id))) console.log(`security/accepted.json: nobody reports ${advisory} any more; take it out.`);
}
process.exit(found > 0 ? 1 : silent > 0 ? 3 : 0);

/** @param ask Returns findings, or a sentence that says why it could not be asked. */
function audit(name, ask) {
  const answer = ask();
  if (typeof answer === 'string') {
    silent++;
    console.log(`${name}: not audited. ${answer}`);
    return;
  }
  const open = new Map();
  for (const { where, severity, advisory } of answer) {
    const id = advisory.slice(advisory.lastIndexOf('/') + 1);
    seen.add(id);
    if (!(id in accepted)) open.set(`${where} ${id}`, `${where}: ${severity}, ${advisory}`);
  }
  found += open.size;
  for (const line of open.values()) console.log(`${name}: ${line}`);
  console.log(`${name}: ${open.size} known vulnerabilities, ${answer.length - open.size} reports accepted or repeated.`);
}

function nuget() {
  const run = spawnSync('dotnet', ['list', 'Monstera.sln', 'package', '--vulnerable', '--include-transitive', '--format', 'json'], options(root));
  const report = parse(run.stdout);
  if (!report) return `dotnet list package answered nothing that can be read: ${last(run)}`;
  const problems = (report.problems ?? []).filter((problem) => problem.level === 'error').map((problem) => problem.text);
  if (run.status !== 0 || problems.length > 0) return problems[0] ?? last(run);
  if (!hasAdvisories(report.sources ?? [])) return `None of the sources gives advisories: ${(report.sources ?? []).join(', ')}`;
  return (report.projects ?? [])
    .flatMap((project) => project.frameworks ?? [])
    .flatMap((framework) => [...(framework.topLevelPackages ?? []), ...(framework.transitivePackages ?? [])])
    .flatMap((one) => (one.vulnerabilities ?? []).map((flaw) => ({ where: `${one.id} ${one.resolvedVersion}`, severity: flaw.severity, advisory: flaw.advisoryurl })));
}

/** A feed without advisories makes dotnet say that nothing is vulnerable, which nobody knows then. */
function hasAdvisories(sources) {
  return sources.some((source) => {
    const run = spawnSync(process.execPath, ['--input-type=module', '--eval', probe, source], options(root));
    return run.status === 0;
  });
}

function npm(folder) {
  const run = spawnSync('npm', ['audit', '--json', '--package-lock-only'], options(join(root, folder)));
  const report = parse(run.stdout);
  if (!report?.vulnerabilities) return report?.message ?? report?.error?.summary ?? last(run);
  return Object.values(report.vulnerabilities)
    .flatMap((one) => one.via.filter((via) => typeof via === 'object'))
    .map((via) => ({ where: `${via.name} ${via.range}`, severity: via.severity, advisory: via.url }));
}

function options(folder) {
  return { cwd: folder, encoding: 'utf8', timeout: 120_000, maxBuffer: 64 * 1024 * 1024 };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function last(run) {
  return (run.error?.message ?? `${run.stdout ?? ''}\n${run.stderr ?? ''}`).trim().split('\n').at(-1) || `exit code ${run.status}`;
}
