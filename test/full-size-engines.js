/**
 * Builds an engine of every network at the official sizes, with random weights, by TensorRT-RTX, which needs no GPU:
 * checks that each parses and builds, and measures memory and time. Usage, after `npm run build` and `npm run toolchain`:
 *
 *   node test/full-size-engines.js [--bundle <folder>]
 *
 * Needs 8 GB of disk without a bundle. Linux only, because it reads the builder's memory and time from /proc.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const libraries = join(root, '.toolchain/tensorrt-rtx/tensorrt_rtx_libs');
/**
 * Processor time of all builds together. The limit for the UNet alone is ten minutes of wall time on two otherwise idle
 * cores. But wall time on a shared machine includes other work: a process's processor time
 * does not, and is no less than wall time if nothing waits.
 */
const mostSeconds = 600;
const mostBytes = 20e9;

const { values } = parseArgs({ options: { bundle: { type: 'string' } } });
if (!existsSync(libraries) && process.env.ARC2FACE_TENSORRT === undefined) {
	console.log(`Left out: there is no ${libraries} (npm run toolchain).`);
	process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'arc2face-full-size-'));
try {
	const bundle = values.bundle ?? randomBundle();
	const { built, peakBytes, processorSeconds } = await build(bundle);
	const layers = spawnSync(process.execPath, [join(root, 'test/unet-layers.js'), '--bundle', bundle], {
		stdio: 'inherit',
	});
	for (const { network, precision, seconds, bytes } of built) {
		console.log(`${network} in ${precision}: ${seconds.toFixed(0)} s, ${(bytes / 1e6).toFixed(0)} MB`);
	}
	console.log(`Processor time: ${processorSeconds.toFixed(0)} s`);
	console.log(`Peak of memory, mapped weights included: ${(peakBytes / 1e9).toFixed(1)} GB`);
	expect(layers.status === 0, "the UNet's layers are fused");
	const networks = built.map(({ network }) => network).sort();
	expect(
		networks.join() === 'detector,recognizer,textEncoder,unet,vaeDecoder,vaeEncoder',
		`every network was built: ${networks}`,
	);
	expect(peakBytes <= mostBytes, `at most ${mostBytes / 1e9} GB of memory`);
	expect(processorSeconds <= mostSeconds, `at most ${mostSeconds} s of processor time`);
} finally {
	rmSync(folder, { recursive: true });
}

function randomBundle() {
	const bundle = join(folder, 'bundle');
	const argv = [join(root, 'dist/benchmarks/random-bundle/cli.js'), '--size', 'full', '--out', bundle];
	const { status } = spawnSync(process.execPath, argv, { stdio: 'inherit' });
	expect(status === 0, 'random weights are written');
	return bundle;
}

/** @typedef {{ network: string, precision: string, seconds: number, bytes: number }} Built */

/**
 * What a model with all features loads.
 * @param {string} bundle @returns {Promise<{ built: Built[], peakBytes: number, processorSeconds: number }>}
 */
async function build(bundle) {
	const what = ['--bundle', bundle, '--edit', '--capability', '8.9'];
	const argv = ['engines', 'build', ...what, '--cache-dir', folder, '--json'];
	const child = spawn(process.execPath, [join(root, 'dist/lib/cli.js'), ...argv], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ARC2FACE_TENSORRT: libraries, ...process.env },
	});
	const used = { peakBytes: 0, processorSeconds: 0 };
	const watch = setInterval(() => Object.assign(used, usedBy(child.pid)), 500);
	let stdout = '';
	child.stdout.setEncoding('utf8').on('data', (text) => {
		stdout += text;
	});
	const code = await new Promise((resolve) => child.on('close', resolve));
	clearInterval(watch);
	expect(code === 0, 'the builds succeed');
	return { built: JSON.parse(stdout).built, ...used };
}

/** What a process has used so far; undefined once it has ended. @param {number | undefined} pid */
function usedBy(pid) {
	try {
		const memory = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
		if (memory === undefined) return {};
		// The program's name is in parentheses and may contain any character. User and system time are the 14th and 15th field, in
		// hundredths of a second on every Linux of today: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
		const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
		const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return { peakBytes: Number(memory) * 1024, processorSeconds: (Number(fields[11]) + Number(fields[12])) / 100 };
	} catch {
		return {};
	}
}

/** @param {boolean} holds @param {string} what */
function expect(holds, what) {
	if (!holds) throw new Error(`Expected that ${what}.`);
}
