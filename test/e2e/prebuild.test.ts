// The prebuild, in the package as it is published.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { products, productTable } from '../../lib/engines/products.ts';
import { onnxRuntimeLibrary } from '../inside.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('prebuild', () => {
	// The package as published: no build/, no sources.
	const folder = mkdtempSync(join(tmpdir(), 'arc2face prebuild ü-'));
	const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });

	beforeAll(() => {
		node(join(root, 'native/prebuild.js'), folder);
		for (const part of ['package.json', 'dist']) cpSync(join(root, part), join(folder, part), { recursive: true });
		symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
	});
	afterAll(() => rmSync(folder, { recursive: true }));

	test('is for this platform, and has the provider libraries that were built', () => {
		const platforms = readdirSync(join(folder, 'prebuilds'));
		expect(platforms).toEqual([`${process.platform}-${process.arch}`]);
		const [addon, ...libraries] = readdirSync(join(folder, 'prebuilds', platforms[0]!)).sort();
		expect(addon).toMatch(/^arc2face-native\.(glibc|musl)\.node$/);
		const built = readdirSync(join(root, 'build/Release')).filter((name) =>
			/^arc2face_tensorrt.*\.(so|dll)$/.test(name),
		);
		expect(libraries).toEqual(built.sort());
	});

	test('finds its provider libraries', () => {
		const library = pathToFileURL(join(folder, 'dist/lib/engines/runtimes.js')).href;
		const script = `
			const { missingProvider } = await import(${JSON.stringify(library)});
			console.log(JSON.stringify(${JSON.stringify(products)}.map((product) => missingProvider(product) ?? 'found')));
		`;
		const built = products.map((product) =>
			existsSync(
				join(root, 'build/Release', `${productTable[product].provider}.${process.platform === 'win32' ? 'dll' : 'so'}`),
			),
		);
		const found = JSON.parse(node('--input-type=module', '--eval', script));
		expect(found.map((one: string) => one === 'found')).toEqual(built);
		for (const one of found) if (one !== 'found') expect(one).toContain(join(folder, 'prebuilds'));
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
