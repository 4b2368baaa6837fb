/**
 * Builds an engine of every network at the official sizes, with random weights, by TensorRT-RTX, which needs no GPU for it:
 * that each parses and builds, in how much memory, and how long the UNet takes. Usage, after `npm run build` and
 * `npm run toolchain`:
 *
 *   node test/full-size-engines.js [--bundle <folder>]
 *
 * Needs 8 GB of disk without a bundle. Linux only, because it reads the builder's memory from /proc.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const libraries = join(root, '.toolchain/tensorrt-rtx/tensorrt_rtx_libs');
/** What a machine with two cores is to manage; twice as much fails, because other machines' work may slow it down. */
const unetSeconds = 600;
const mostBytes = 20e9;

const { values } = parseArgs({ options: { bundle: { type: 'string' } } });
if (!existsSync(libraries) && process.env.ARC2FACE_TENSORRT === undefined) {
	console.log(`Left out: there is no ${libraries} (npm run toolchain).`);
	process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'arc2face-full-size-'));
try {
	const { built, peakBytes } = await build(values.bundle ?? randomBundle());
	for (const { network, precision, seconds, bytes } of built) {
		console.log(`${network} in ${precision}: ${seconds.toFixed(0)} s, ${(bytes / 1e6).toFixed(0)} MB`);
	}
	console.log(`Peak of memory, mapped weights included: ${(peakBytes / 1e9).toFixed(1)} GB`);
	const networks = built.map(({ network }) => network).sort();
	expect(networks.join() === 'detector,recognizer,textEncoder,unet,vaeDecoder', `every network was built: ${networks}`);
	expect(peakBytes <= mostBytes, `at most ${mostBytes / 1e9} GB of memory`);
	const { seconds } = built.find(({ network }) => network === 'unet') ?? { seconds: Number.NaN };
	if (seconds > unetSeconds) console.log(`The UNet took more than ${unetSeconds} s: is the machine busy?`);
	expect(seconds <= 2 * unetSeconds, `the UNet at most ${2 * unetSeconds} s`);
} finally {
	rmSync(folder, { recursive: true });
}

function randomBundle() {
	const bundle = join(folder, 'bundle');
	const argv = [join(root, 'dist/models/random/cli.js'), '--size', 'full', '--out', bundle];
	const { status } = spawnSync(process.execPath, argv, { stdio: 'inherit' });
	expect(status === 0, 'random weights are written');
	return bundle;
}

/**
 * @param {string} bundle
 * @returns {Promise<{ built: { network: string, precision: string, seconds: number, bytes: number }[], peakBytes: number }>}
 */
async function build(bundle) {
	const argv = ['engines', 'build', '--bundle', bundle, '--capability', '8.9', '--cache-dir', folder, '--json'];
	const child = spawn(process.execPath, [join(root, 'dist/lib/cli.js'), ...argv], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ARC2FACE_TENSORRT: libraries, ...process.env },
	});
	let peakBytes = 0;
	const watch = setInterval(() => {
		peakBytes = Math.max(peakBytes, residentBytes(child.pid));
	}, 500);
	let stdout = '';
	child.stdout.setEncoding('utf8').on('data', (text) => {
		stdout += text;
	});
	const code = await new Promise((resolve) => child.on('close', resolve));
	clearInterval(watch);
	expect(code === 0, 'the builds succeed');
	return { built: JSON.parse(stdout).built, peakBytes };
}

/** The most that a process has had in memory so far; 0 when it has ended. @param {number | undefined} pid */
function residentBytes(pid) {
	try {
		return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
	} catch {
		return 0;
	}
}

/** @param {boolean} holds @param {string} what */
function expect(holds, what) {
	if (!holds) throw new Error(`Expected that ${what}.`);
}
