import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onnxRuntimeLibrary } from '../inside.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('prebuild', () => {
	// The package as it is published: no build/, no sources.
	const folder = mkdtempSync(join(tmpdir(), 'arc2face-prebuild-'));
	const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });

	beforeAll(() => {
		node(join(root, 'native/prebuild.js'), folder);
		for (const part of ['package.json', 'dist']) cpSync(join(root, part), join(folder, part), { recursive: true });
		symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
	});
	afterAll(() => rmSync(folder, { recursive: true }));

	test('is one file for this platform', () => {
		const platforms = readdirSync(join(folder, 'prebuilds'));
		expect(platforms).toEqual([`${process.platform}-${process.arch}`]);
		expect(readdirSync(join(folder, 'prebuilds', platforms[0]!))).toEqual([
			expect.stringMatching(/^arc2face-native\.(glibc|musl)\.node$/),
		]);
	});

	test('is what the package loads when there is no local build', () => {
		const library = pathToFileURL(join(folder, 'dist/lib/native.js')).href;
		const script = `
			const { loadNative } = await import(${JSON.stringify(library)});
			const { version } = loadNative().probeOnnxRuntime(${JSON.stringify(onnxRuntimeLibrary)});
			const loaded = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'));
			console.log(JSON.stringify({ version, loaded }));
		`;
		const { version, loaded } = JSON.parse(node('--input-type=module', '--eval', script));
		expect(version).toMatch(/^1\.\d+\.\d+/);
		expect(loaded).toEqual([expect.stringContaining(join(folder, 'prebuilds'))]);
	});
});
