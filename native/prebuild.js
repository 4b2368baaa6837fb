/**
 * Turns the local build into a prebuild that `node-gyp-build` finds where there is no build/:
 * prebuilds/<platform>-<arch>/arc2face-native.<libc>.node, and beside it the provider libraries for NVIDIA GPUs that this build has.
 * Usage: node native/prebuild.js [folder for prebuilds/]
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import prebuildify from 'prebuildify';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = process.argv[2] ?? root;

const isWindows = process.platform === 'win32';
const stripAll = process.platform === 'darwin' ? '-Sx' : '--strip-all';

// prebuildify moves the file away, so it gets a copy; stripped, because it itself would hand over the path to a shell as it is.
const stage = join(out, 'prebuilds', 'stage');
const staged = join(stage, 'build/Release/arc2face.node');
cpSync(join(root, 'build/Release/arc2face.node'), staged);
try {
	if (!isWindows) execFileSync('strip', [stripAll, staged]);
	await promisify(prebuildify)({
		name: 'arc2face-native',
		cwd: stage,
		out,
		targets: [process.versions.node],
		napi: true,
		strip: false,
		tagLibc: true,
		// Here prebuildify would call node-gyp, which downloads Node.js headers. CMake has built the addon already, so do nothing.
		nodeGyp: `"${process.execPath}" -e 0 --`,
		shell: true,
	});
} finally {
	rmSync(stage, { recursive: true, force: true });
}

for (const name of ['arc2face_tensorrt', 'arc2face_tensorrt10', 'arc2face_tensorrt_rtx']) {
	const file = `${name}.${isWindows ? 'dll' : 'so'}`;
	const built = join(root, 'build/Release', file);
	// NVIDIA's libraries need glibc, so a build against another C library has no use for ours.
	const { glibcVersionRuntime } = /** @type {any} */ (process.report.getReport()).header;
	if (!existsSync(built) || (process.platform === 'linux' && !glibcVersionRuntime)) {
		console.log(`The prebuild is without ${file}.`);
		continue;
	}
	const copy = join(out, 'prebuilds', `${process.platform}-${process.arch}`, file);
	cpSync(built, copy);
	if (!isWindows) execFileSync('strip', ['--strip-unneeded', copy]);
}
