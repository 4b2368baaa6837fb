/**
 * Builds and runs the C++ tests in test/native/. Usage: node test/native/run.js [address,undefined | thread]
 * The argument names the sanitizers to build with (GCC or Clang).
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sanitize = process.argv[2] ?? '';
const folder = ['build/native-tests', ...sanitize.split(',').filter(Boolean)].join('-');

if (spawnSync('cmake', ['--version']).error) {
	fail('The C++ tests need CMake (Debian, Ubuntu: apt install cmake; macOS: brew install cmake).');
}
run('cmake', ['-S', '.', '-B', folder, '-DARC2FACE_NATIVE_TESTS=ON', `-DARC2FACE_SANITIZE=${sanitize}`]);
run('cmake', ['--build', folder, '--config', 'Release', '--target', 'arc2face_tests', '--parallel', '4']);

const ctest = ['ctest', '--test-dir', folder, '--build-config', 'Release', '--output-on-failure', '--parallel', '2'];
process.env.LSAN_OPTIONS = `suppressions=${root}test/native/lsan.supp:print_suppressions=0`;
process.env.TSAN_OPTIONS = `suppressions=${root}test/native/tsan.supp`;
if (sanitize.includes('address')) {
	leaveOut(
		'^OnnxRuntime\\.SaysThatMemoryIsNotEnough$',
		"this sanitizer's operator new ends the process instead of throwing",
	);
} else if (sanitize === 'thread') {
	leaveOut('^OnnxRuntime', 'ONNX Runtime is not built with this sanitizer, which takes its locks for races');
	// It can't place its shadow memory if Linux randomises addresses with more than 28 bits.
	if (spawnSync('setarch', ['-R', 'true']).status === 0) ctest.unshift('setarch', '-R');
}
run(ctest[0], ctest.slice(1));

/** @param {string} tests - regular expression @param {string} reason */
function leaveOut(tests, reason) {
	console.log(`Leaving out ${tests}: ${reason}.`);
	ctest.push('--exclude-regex', tests);
}

/** @param {string} command @param {string[]} args */
function run(command, args) {
	const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
	if (status !== 0) fail(`${command} failed${error ? `: ${error.message}` : ''}.`);
}

/** @param {string} message */
function fail(message) {
	console.error(message);
	process.exit(1);
}
