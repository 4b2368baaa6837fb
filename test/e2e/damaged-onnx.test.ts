// An ONNX file whose damage only the runtime notices.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Arc2Face } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';

let bundle: string;
beforeAll(async () => {
	bundle = await mkdtemp(join(tmpdir(), 'arc2face-damaged-'));
	for (const part of ['antelopev2', 'arc2face', 'encoder', 'scheduler', 'vae', 'tokens.json']) {
		await cp(join(packageRoot, 'models/tiny', part), join(bundle, part), { recursive: true });
	}
});
afterAll(() => rm(bundle, { recursive: true }));

test.each(['arcface.onnx', 'scrfd_10g_bnkps.onnx'])('%s is named by the error of a load', async (name) => {
	const file = join(bundle, 'antelopev2', name);
	const whole = await readFile(file);
	// An unknown operator instead of each convolution.
	await writeFile(file, Buffer.from(whole.toString('latin1').replaceAll('Conv', 'Vonc'), 'latin1'));
	await expect(Arc2Face.load({ bundle, device: 'cpu' })).rejects.toMatchObject({
		code: 'INVALID_WEIGHTS',
		problem: expect.stringContaining(file),
		remedy: expect.stringContaining('download the file again'),
		details: { file },
	});
	await writeFile(file, whole);
});
