// `arc2face doctor --bundle` as a user starts it.
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../lib/package.ts';

const program = join(packageRoot, 'dist/lib/cli/launch.cjs');
let bundle: string;
beforeAll(async () => {
	bundle = await mkdtemp(join(tmpdir(), 'arc2face-doctor-'));
	for (const part of ['antelopev2', 'arc2face', 'encoder', 'scheduler', 'vae', 'tokens.json']) {
		await cp(join(packageRoot, 'models/tiny', part), join(bundle, part), { recursive: true });
	}
});
afterAll(() => rm(bundle, { recursive: true }));

function doctor(...options: string[]) {
	const env = { ...process.env, ARC2FACE_HOME: join(bundle, 'home') };
	const { status, stdout } = spawnSync(process.execPath, [program, 'doctor', '--bundle', bundle, ...options], { env });
	return { status, stdout: stdout.toString() };
}

test('lists the files of a whole bundle, and ends well', () => {
	const { status, stdout } = doctor();
	expect(stdout).toMatch(/^vae\/diffusion_pytorch_model\.safetensors +\d.* MB +safetensors, 156 tensors +VAE$/m);
	expect(stdout).toMatch(/^antelopev2\/arcface\.onnx .*ONNX, 52 tensors/m);
	expect(stdout).toContain('No problems.');
	expect(status).toBe(0);
});

test('says of a pointer what it is, and fails', async () => {
	await writeFile(join(bundle, 'antelopev2/arcface.onnx'), 'version https://git-lfs.github.com/spec/v1\n');
	const { status, stdout } = doctor();
	expect(stdout).toContain(`${join(bundle, 'antelopev2/arcface.onnx')} but received a pointer file of git-lfs.`);
	expect(stdout).not.toContain('No problems.');
	expect(status).toBe(1);

	const { status: jsonStatus, stdout: json } = doctor('--json');
	const { problems, bundles } = JSON.parse(json);
	expect(problems).toMatchObject([{ problem: expect.stringContaining('arcface.onnx'), remedy: expect.any(String) }]);
	expect(bundles).toHaveLength(1);
	expect(
		bundles[0].files.find((file: { path: string }) => file.path === 'antelopev2/arcface.onnx').error,
	).toBeDefined();
	expect(jsonStatus).toBe(1);
});
