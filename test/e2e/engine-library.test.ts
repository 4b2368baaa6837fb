import { copyFileSync, existsSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { probeEngineLibrary } from '../../lib/engine-library.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { rtx, standIn, withoutRtx } from '../engines.ts';
import { insideFile } from '../inside.ts';

const folder = temporaryFolder();
const built = (name: string) => join(dirname(insideFile), `arc2face_${name}.so`);
const noDevice = (...texts: (string | RegExp)[]) =>
	expect.objectContaining({
		code: 'NO_DEVICE',
		message: expect.toSatisfy(
			(message: string) => texts.every((text) => message.search(text) >= 0),
			`contains ${texts.join(' and ')}`,
		),
	});

describe.skipIf(process.platform !== 'linux')('a provider library', () => {
	test('says what it is', async () => {
		expect(await probeEngineLibrary(standIn)).toEqual({ product: 'stand-in', version: '1.2.3.4' });
	});

	test.each([
		['is missing', join(folder.path('.'), 'missing.so'), "can't be opened"],
		['is a text', import.meta.filename, 'no shared library'],
		['is another library', built('other_tensorrt'), 'Arc2FaceGetEngineApi'],
		['ends the process', built('deadly_library'), 'SIGABRT'],
	])('that %s is named', async (_, provider, why) => {
		await expect(probeEngineLibrary({ ...standIn, provider })).rejects.toEqual(noDevice(provider, why));
	});
});

const reason = withoutRtx();
if (reason !== undefined) console.log(`Leaving out the library of TensorRT-RTX: ${reason}.`);

describe.skipIf(reason !== undefined)('a library of NVIDIA', () => {
	test('says its version', async () => {
		expect(await probeEngineLibrary(rtx)).toEqual({
			product: 'TensorRT-RTX',
			version: expect.stringMatching(/^1\.6\.\d+\.\d+$/),
		});
	});

	test.each([
		['is missing', join(folder.path('.'), 'missing.so'), "can't be opened"],
		['is another library', standIn.provider, 'getInferLibMajorVersion'],
		['is of another version', built('other_tensorrt'), /Expected TensorRT-RTX 1\.6 .* received version 1\.99\.0\.7/],
		['ends the process', built('deadly_library'), 'SIGABRT'],
	])('that %s is named', async (_, core, why) => {
		await expect(probeEngineLibrary({ ...rtx, core })).rejects.toEqual(noDevice(core, why));
	});

	test.each([0.1, 0.5, 0.999])('that is cut to %d of its size is named', async (part) => {
		const core = folder.path('libtensorrt_rtx.so.1');
		copyFileSync(rtx.core, core);
		truncateSync(core, Math.floor(statSync(core).size * part));
		await expect(probeEngineLibrary({ ...rtx, core })).rejects.toEqual(noDevice(core));
	});

	test('whose parser is another library is named', async () => {
		const parser = standIn.provider;
		expect(existsSync(parser)).toBe(true);
		await expect(probeEngineLibrary({ ...rtx, parser })).rejects.toEqual(noDevice(parser, 'getNvOnnxParserVersion'));
	});
});
