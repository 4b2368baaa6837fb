// The compiled program (`npm run build`) as a user starts it, each test in a folder of its own.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** What `arc2face` starts. */
export const program = join(import.meta.dirname, '../dist/lib/cli/launch.cjs');

export type Ended = { code: number | null; stdout: string; stderr: string };

/** Makes a folder for every test of the file, and deletes it afterwards. */
export function useProgram() {
	const current = { folder: '' };
	let server: Server | undefined;
	beforeEach(async () => {
		current.folder = await mkdtemp(join(tmpdir(), 'arc2face-cli-'));
	});
	afterEach(async () => {
		server?.closeAllConnections();
		server?.close();
		server = undefined;
		await rm(current.folder, { recursive: true, force: true });
	});

	/** Runs a program in the folder, with its data folder there too. */
	function startAs(command: string, args: readonly string[], env: Record<string, string> = {}) {
		const child = spawn(command, args, {
			cwd: current.folder,
			env: { ...process.env, ARC2FACE_HOME: join(current.folder, 'home'), HF_TOKEN: '', ...env },
		});
		const output = { stdout: '', stderr: '' };
		child.stdout.on('data', (chunk) => {
			output.stdout += chunk;
		});
		child.stderr.on('data', (chunk) => {
			output.stderr += chunk;
		});
		const ended = new Promise<Ended>((done) => child.on('close', (code) => done({ code, ...output })));
		return { child, ended, output };
	}
	const start = (args: readonly string[], env?: Record<string, string>) =>
		startAs(process.execPath, [program, ...args], env);

	return {
		current,
		start,
		run: (...args: string[]) => start(args).ended,
		/** A line for bash, in which `$arc2face` stands for the program. */
		shell: (line: string, env: Record<string, string> = {}) =>
			startAs('bash', ['-c', line.replaceAll('$arc2face', `'${process.execPath}' '${program}'`)], env).ended,
		async serve(listener: RequestListener): Promise<string> {
			server = createServer(listener);
			await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
			return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		},
	};
}
