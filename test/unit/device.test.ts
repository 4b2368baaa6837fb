import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { chooseDevice, libraryVariable } from '../../lib/device.ts';
import { loadNative } from '../../lib/native.ts';
import { onnxRuntimeLibrary } from '../inside.ts';

afterEach(() => vi.unstubAllEnvs());

describe('the CPU', () => {
	test('is what is left for auto, which says why', () => {
		const { device, provider, library, reasons } = chooseDevice('auto');
		expect({ device, provider, library }).toEqual({
			device: 'cpu',
			provider: 'onnxruntime',
			library: onnxRuntimeLibrary,
		});
		expect(reasons.join(' ')).toContain('no CUDA provider');
		expect(reasons.join(' ')).toContain(library);
	});

	test('may be asked for', () => {
		expect(chooseDevice('cpu').reasons[0]).toBe('The CPU was asked for.');
	});

	test('has a library that works', () => {
		const { version } = loadNative().probeOnnxRuntime(chooseDevice().library);
		expect(version).toMatch(/^1\.\d+\.\d+/);
	});

	test('may have another library by the environment', async () => {
		const folder = await mkdtemp(join(tmpdir(), 'arc2face-device-'));
		const library = join(folder, 'libonnxruntime.so');
		await writeFile(library, 'no library');
		vi.stubEnv(libraryVariable, library);
		const choice = chooseDevice();
		expect(choice.library).toBe(library);
		expect(choice.reasons.join(' ')).toContain(libraryVariable);
		expect(() => loadNative().probeOnnxRuntime(library)).toThrow(expect.objectContaining({ code: 'NO_DEVICE' }));
		await rm(folder, { recursive: true });
	});
});

describe('refused with what was looked for:', () => {
	test.each(['cuda', 'cuda:1'] as const)('%s', (request) => {
		expect(() => chooseDevice(request)).toThrow(
			expect.objectContaining({ code: 'NO_DEVICE', message: expect.stringContaining(`"${request}"`) }),
		);
	});

	test('a library that is not there', () => {
		vi.stubEnv(libraryVariable, '/no/such/libonnxruntime.so');
		expect(() => chooseDevice()).toThrow(
			expect.objectContaining({ code: 'NO_DEVICE', message: expect.stringContaining('/no/such/libonnxruntime.so') }),
		);
	});

	test('a platform that onnxruntime-node has no library for', () => {
		const { platform } = process;
		Object.defineProperty(process, 'platform', { value: 'sunos' });
		try {
			expect(() => chooseDevice()).toThrow(
				expect.objectContaining({ code: 'NO_DEVICE', message: expect.stringContaining('sunos') }),
			);
		} finally {
			Object.defineProperty(process, 'platform', { value: platform });
		}
	});
});
