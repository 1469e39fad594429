import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const built = fileURLToPath(new URL('../../../Monstera.Server/bin/Release/net10.0/monstera.dll', import.meta.url));
const patienceMs = 60_000;

export const tokenSecret = 'a secret that only the load tests of this repository know';

/** A real server as a process of its own, on a folder that goes with it. MONSTERA_SERVER names another build than the repository's. */
export class Server {
  readonly address: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(address: string, process: ChildProcess, folder: string) {
    this.address = address;
    this.#process = process;
    this.#folder = folder;
  }

  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const program = process.env['MONSTERA_SERVER'] ?? built;
    if (!existsSync(program)) throw new Error(`${program} is not there: build Monstera.Server first (-c Release), or name a built monstera.dll in MONSTERA_SERVER.`);
    const folder = mkdtempSync(join(tmpdir(), 'monstera-k6-'));
    const child = spawn(process.env['DOTNET_HOST_PATH'] ?? 'dotnet', [program, '--urls=http://127.0.0.1:0'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, Monstera__DataFolder: folder, Monstera__ConnectionTokens__Secret: tokenSecret, ...settings },
    });
    try {
      return new Server(await ready(child), child, folder);
    } catch (error) {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function ready(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`The server is not ready after ${patienceMs / 1_000} s:\n${said}`)), patienceMs);
    const hear = (part: Buffer) => {
      // Once it is ready nobody reads on, and the pipes only have to be emptied.
      if (said.length > 100_000) return;
      said += part.toString('utf8');
      const address = /Monstera is ready: open (\S+) /.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address.replace(/\/$/, ''));
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`The server ended:\n${said}`));
    });
  });
}
