/**
 * Builds and runs the C++ tests in test/gpu/. Without a GPU they are skipped, and say why. Usage:
 *
 *   node test/gpu/run.js [memcheck | racecheck | initcheck | synccheck]
 *
 * The argument names a tool of NVIDIA's compute-sanitizer to run them under.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = 'build/gpu-tests';
const tool = process.argv[2];

run('cmake', ['-S', '.', '-B', folder, '-DARC2FACE_GPU_TESTS=ON']);
run('cmake', ['--build', folder, '--config', 'Release', '--target', 'arc2face_gpu_tests', '--parallel', '4']);

const tests = join(root, folder, 'arc2face_gpu_tests');
if (tool === undefined) {
	run(tests, []);
} else {
	// Under it everything takes many times as long: threads and slots by the thousand add nothing that it looks for. The
	// test that asks for more memory than there is would count as an error.
	const filter = '--gtest_filter=-*MoreSlots*:*OtherThreads*:*InUse*:*CannotAllocate*';
	run('compute-sanitizer', ['--tool', tool, '--error-exitcode', '1', tests, filter]);
}

/** @param {string} command @param {string[]} args */
function run(command, args) {
	const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
	if (status === 0) return;
	console.error(`${command} failed${error ? `: ${error.message}` : ''}.`);
	process.exit(1);
}
