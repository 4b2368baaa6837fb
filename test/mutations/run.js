/**
 * The mutation check: puts one deliberate fault after another into a copy of the sources and checks that the tests of its
 * subject, which `npm test` runs too, fail. Exits with 1 if they do not. Usage: node test/mutations/run.js [part of a fault's name]
 *
 * Needs what `npm run build` needs; the copy, with its own build, is in build/mutations.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faults } from './faults.js';
import { identityFaults } from './identities.js';
import { steeringFaults } from './steering.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = join(root, 'build/mutations');
const chosen = [...faults, ...identityFaults, ...steeringFaults].filter(({ name }) =>
	name.includes(process.argv[2] ?? ''),
);
if (chosen.length === 0) fail(`No fault has "${process.argv[2]}" in its name.`);

const sources = copySources();
const places = chosen.map(placeOf);
console.log('Building the sources as they are');
build();
const suites = [...new Set(chosen.flatMap(({ tests }) => tests))];
console.log(`Running their tests: ${suites.join(', ')}`);
const sound = failuresOf(suites);
if (sound.length > 0) fail(`These fail without any fault:\n${sound.join('\n')}`);

const rows = chosen.map((fault, i) => {
	const { file, text } = places[i];
	const path = join(copy, file);
	writeFileSync(
		path,
		text.replace(fault.from, () => fault.to),
	);
	if (file.startsWith('native/')) build();
	const failures = failuresOf(fault.tests, fault.title);
	writeFileSync(path, text);
	const row = `| ${fault.name} | ${file}: \`${fault.from}\` → \`${fault.to}\` | ${failures[0] ?? '**not noticed**'} |`;
	console.log(row);
	return { row, caught: failures.length > 0 };
});
const missed = rows.filter(({ caught }) => !caught).length;
console.log(
	`\n| Fault | Change | First test that fails |\n| --- | --- | --- |\n${rows.map(({ row }) => row).join('\n')}\n`,
);
console.log(`${rows.length - missed} of ${rows.length} faults are noticed.`);
process.exit(missed === 0 ? 0 : 1);

/** Copies the files that git tracks, in their current state; what the last run built there stays. */
function copySources() {
	const files = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root).split('\0');
	const there = files.filter((file) => file !== '' && existsSync(join(root, file)));
	for (const file of ['lib', 'models', 'native', 'test']) rmSync(join(copy, file), { recursive: true, force: true });
	for (const file of there) {
		mkdirSync(dirname(join(copy, file)), { recursive: true });
		copyFileSync(join(root, file), join(copy, file));
	}
	if (!existsSync(join(copy, 'node_modules'))) symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
	return there;
}

/** @param {(typeof faults)[number]} fault @returns its file, and the file's text */
function placeOf({ name, file, from }) {
	const found = sources.filter((path) => /^(lib|models|native)\//.test(path) && `/${path}`.endsWith(`/${file}`));
	if (found.length !== 1) fail(`"${name}" is for one file ${file}, but there are ${found.length}.`);
	const text = readFileSync(join(copy, found[0]), 'utf8');
	const places = text.split(from).length - 1;
	if (places !== 1) fail(`"${name}" is for one place in ${found[0]}, but ${from} is there ${places} times.`);
	return { file: found[0], text };
}

/** Builds the two addons of the copy. */
function build() {
	if (!existsSync(join(copy, 'build/CMakeCache.txt'))) {
		run(process.execPath, [cmakeJs(), 'configure', '--out', 'build', '--log-level', 'warn'], copy);
	}
	const targets = ['arc2face', 'arc2face_inside'];
	run('cmake', ['--build', 'build', '--config', 'Release', '--parallel', '2', '--target', ...targets], copy);
}

function cmakeJs() {
	return join(root, 'node_modules/cmake-js/bin/cmake-js');
}

/** @param {readonly string[]} suites @param {string} [title] @returns names of the tests in them that fail */
function failuresOf(suites, title = '') {
	const report = join(copy, 'build/report.json');
	rmSync(report, { force: true });
	const files = suites.map((suite) => `/${suite}.test.ts`);
	const vitest = join(root, 'node_modules/vitest/vitest.mjs');
	const options = ['--bail', '1', '--testNamePattern', title, '--reporter', 'json', '--outputFile', report];
	spawnSync(process.execPath, [vitest, 'run', ...options, ...files], { cwd: copy, stdio: 'ignore' });
	const { numTotalTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
	if (numTotalTests === 0) fail(`There are no tests in ${suites.join(', ')}.`);
	/** @type {{ message: string, assertionResults: { status: string, fullName: string }[] }[]} */
	const results = testResults;
	return results.flatMap(({ message, assertionResults }) => {
		const failed = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
		// Failures outside a test, such as a model that does not load.
		return failed.length === 0 && message !== '' ? [message.split('\n')[0]] : failed;
	});
}

/** @param {string} command @param {string[]} args @param {string} cwd @returns its stdout */
function run(command, args, cwd) {
	const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 });
	if (status !== 0) fail(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`);
	return stdout;
}

/** @param {string} message @returns {never} */
function fail(message) {
	console.error(message);
	process.exit(1);
}
