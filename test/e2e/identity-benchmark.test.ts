// The compiled benchmark, as `npm run bench:identity` starts it: with random weights it must fail, and say why.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';

const program = join(import.meta.dirname, '../../dist/benchmarks/identity.js');
const small = ['--people', '2', '--portraits', '2', '--steps', '2'];

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-identity-'));
	await writeRandomBundle(join(folder, 'bundle'), { size: 'tiny', seed: 1 });
	await writeRandomBundle(join(folder, 'other'), { size: 'tiny', seed: 2 });
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...args: string[]) {
	// Its temporary bundles go here too, so that leftovers show.
	const env = { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder };
	const child = spawn(process.execPath, [program, '--bundle', join(folder, 'bundle'), ...small, ...args], { env });
	let stdout = '';
	let stderr = '';
	child.stdout.on('data', (chunk) => {
		stdout += chunk;
	});
	child.stderr.on('data', (chunk) => {
		stderr += chunk;
	});
	const code = await new Promise((done) => child.on('close', done));
	return { code, stdout, stderr };
}

test('random weights fail, with every missed number by name', { timeout: 240_000 }, async () => {
	const out = join(folder, 'out');
	const evaluator = join(folder, 'other/antelopev2/arcface.onnx');
	const { code, stdout, stderr } = await run('--evaluator', evaluator, '--out', out);

	expect(code, stderr).toBe(1);
	for (const name of [
		'portraits: share with a face found',
		'portraits: mean similarity to the person',
		'nearest of 50',
	]) {
		expect(stdout).toMatch(new RegExp(`${name}.*NOT MET`));
		expect(stderr).toMatch(new RegExp(`${name}.*: expected at least [01](\\.\\d+)? but measured`));
	}
	expect(stderr).not.toMatch(/^\s+at /m); // a message, no stack

	expect((await readdir(out)).sort()).toEqual(['identity.json', 'portraits.png', 'similarities.png']);
	const { rows, guided, unconditional } = JSON.parse(await readFile(join(out, 'identity.json'), 'utf8'));
	const asked = rows.filter((row: { asked?: object }) => row.asked);
	expect(asked.length).toBeGreaterThanOrEqual(9);
	expect(asked.some((row: { met: boolean }) => !row.met)).toBe(true);
	expect([guided.length, unconditional.length]).toEqual([4, 2]);
	expect((await readdir(folder)).filter((name) => name.startsWith('arc2face-'))).toEqual([]);
});

test('without the evaluation embedder it says which file is missing', async () => {
	const { code, stderr } = await run('--evaluator', join(folder, 'nobody.onnx'));
	expect(code).toBe(1);
	expect(stderr).toContain(`Expected the evaluation embedder but there is no ${join(folder, 'nobody.onnx')}`);
});
