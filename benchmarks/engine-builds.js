/**
 * What an engine of the UNet weighs, and how long it takes to build, by the batch sizes that it is for; by TensorRT-RTX, which
 * needs no GPU. Usage, after `npm run build` and `npm run toolchain`, on Linux:
 *
 *   node benchmarks/engine-builds.js --bundle <folder> [--batch-sizes 2]... [--capability 8.9]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
	options: {
		bundle: { type: 'string', default: 'arc2face' },
		'batch-sizes': { type: 'string', multiple: true, default: ['2', '2,8', '1,2,4,8,16'] },
		capability: { type: 'string', default: '8.9' },
	},
});
const libraries = join(root, '.toolchain/tensorrt-rtx/tensorrt_rtx_libs');
const env = { ...(existsSync(libraries) ? { ARC2FACE_TENSORRT: libraries } : {}), ...process.env };
const folder = mkdtempSync(join(tmpdir(), 'arc2face-engine-builds-'));
try {
	console.log(`${cpus().length} × ${cpus()[0]?.model}`);
	console.log('| network | batch sizes | MB | wall s | processor s, all networks |');
	console.log('| --- | --- | --- | --- | --- |');
	for (const sizes of values['batch-sizes']) {
		// Only the UNet depends on them: the first run also builds the others.
		const { built, processorSeconds } = build(sizes);
		for (const { network, product, version, bytes, seconds } of built) {
			if (seconds === undefined) continue;
			const of = network === 'unet' ? sizes : '';
			const cells = [`${network}, ${product} ${version}`, of, (bytes / 1e6).toFixed(1), seconds.toFixed(0)];
			console.log(`| ${[...cells, processorSeconds.toFixed(0)].join(' | ')} |`);
		}
	}
} finally {
	rmSync(folder, { recursive: true });
}

/** @param {string} sizes */
function build(sizes) {
	const before = childSeconds();
	const { bundle, capability } = values;
	const shapes = ['--capability', capability, '--batch-sizes', sizes];
	const argv = ['engines', 'build', '--bundle', bundle, ...shapes, '--cache-dir', folder, '--json'];
	const { status, stdout } = spawnSync(process.execPath, [join(root, 'dist/lib/cli.js'), ...argv], {
		env,
		stdio: ['ignore', 'pipe', 'inherit'],
		encoding: 'utf8',
	});
	if (status !== 0) throw new Error(`Expected that the engines for batches of ${sizes} are built.`);
	/** @type {{ built: { network: string, product: string, version: string, bytes: number, seconds?: number }[] }} */
	const { built } = JSON.parse(stdout);
	return { built, processorSeconds: childSeconds() - before };
}

/** Processor time of ended child processes, in the unit of every Linux of today: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function childSeconds() {
	const stat = readFileSync('/proc/self/stat', 'utf8');
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return (Number(fields[13]) + Number(fields[14])) / 100;
}
