// The engine cache, in one process and with instant builders.
import { existsSync } from 'node:fs';
import {
	chmod,
	chown,
	copyFile,
	lstat,
	mkdir,
	mkdtemp,
	open,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	symlink,
	truncate,
	utimes,
	writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
	type BuildEngine,
	compiledFileOf,
	EngineCache,
	type EngineCacheOptions,
	type EngineProgress,
} from '../../lib/engines/cache.ts';
import { type EngineDescription, fingerprintOf, keyOf } from '../../lib/engines/key.ts';
import { sha256 } from '../../lib/files/digests.ts';
import { describeEngine, engineBytes } from '../engine-description.ts';
import { isRoot, isWindows, nobody } from '../users.ts';

/** Large enough for its digest to be remembered. */
const largeBytes = 5 << 20;

let root: string;
let cacheDir: string;
let folder: string;
let description: EngineDescription;
beforeEach(async () => {
	root = await mkdtemp(join(tmpdir(), 'arc2face-engines-'));
	cacheDir = join(root, 'cache');
	folder = join(cacheDir, 'engines');
	description = await describeEngine(root);
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await rm(root, { recursive: true, force: true });
});

/** A builder that counts. */
class Builder {
	builds = 0;
	readonly content: string | Uint8Array;

	constructor(content: string | Uint8Array = engineBytes) {
		this.content = content;
	}

	readonly build: BuildEngine = async (file) => {
		this.builds += 1;
		await writeFile(file, this.content);
	};
}

/** Builds in a fresh cache of the same folder, as a new process would. */
async function ask(builder: Builder, change: Partial<EngineDescription> = {}, options: EngineCacheOptions = {}) {
	return await new EngineCache({ cacheDir, ...options }).engine({ ...description, ...change }, builder.build);
}

/** Changes one byte in place; size and name stay. */
async function flipByte(file: string, position = 20): Promise<void> {
	const handle = await open(file, 'r+');
	const byte = Buffer.alloc(1);
	await handle.read(byte, 0, 1, position);
	await handle.write(Buffer.from([byte[0]! ^ 1]), 0, 1, position);
	await handle.close();
}

/** Makes an engine look last used this long ago. */
async function age(engine: string, hours: number): Promise<void> {
	const then = new Date(Date.now() - hours * 3_600_000);
	await utimes(engine.replace(/engine$/, 'json'), then, then);
}

const namesIn = async (directory: string) => (await readdir(directory)).sort();

describe('an engine', () => {
	test('is built once, and a second load is a hit in under 1 s', async () => {
		const builder = new Builder();
		const file = await ask(builder);
		expect(await readFile(file, 'utf8')).toBe(engineBytes);
		const start = process.cpuUsage(); // of all threads; wall time depends on how busy the machine is
		expect(await ask(builder)).toBe(file);
		const { user, system } = process.cpuUsage(start);
		expect((user + system) / 1e6).toBeLessThan(1);
		expect(builder.builds).toBe(1);
	});

	test('is not read again for a hit, and neither are the weights', async () => {
		await writeFile(description.files[0]!, Buffer.alloc(largeBytes, 1));
		const read = new Set<string>();
		const builder = new Builder(Buffer.alloc(largeBytes, 2));
		const load = () =>
			new EngineCache({ cacheDir }).engine(description, builder.build, {
				onProgress: (state) => 'file' in state && read.add(state.file),
			});
		const file = await load();
		expect(read).toEqual(new Set([description.files[0], file]));
		read.clear();
		expect(await load()).toBe(file);
		expect([builder.builds, [...read]]).toEqual([1, []]);
	});

	test.skipIf(isWindows)('lies in a folder that only its user can enter', async () => {
		const file = await ask(new Builder());
		expect(dirname(file)).toBe(folder);
		expect((await stat(folder)).mode & 0o777).toBe(0o700);
		for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o077).toBe(0);
	});

	test('has a manifest that people can read', async () => {
		const file = await ask(new Builder());
		const manifest = JSON.parse(await readFile(file.replace(/engine$/, 'json'), 'utf8'));
		expect(manifest.sha256).toBe(sha256(engineBytes));
		expect(manifest.fingerprint).toMatchObject({
			network: 'unet',
			product: 'TensorRT-RTX',
			version: '1.6.1.120',
			target: { capabilities: [80, 89] },
			precision: 'fp16',
			profiles: description.profiles,
		});
	});

	test('that two calls of one process ask for at once is built once', async () => {
		const builder = new Builder();
		const phases: EngineProgress['phase'][] = [];
		const slow: BuildEngine = async (file, signal) => {
			await sleep(300);
			await builder.build(file, signal);
		};
		const cache = new EngineCache({ cacheDir });
		const asked = () => cache.engine(description, slow, { onProgress: ({ phase }) => phases.push(phase) });
		const [a, b] = await Promise.all([asked(), asked()]);
		expect([a, builder.builds]).toEqual([b, 1]);
		expect(phases).toEqual(['waiting']);
	});
});

describe('another engine is needed', () => {
	const network = () => description.network as Extract<EngineDescription['network'], { graph: Uint8Array }>;
	const changedWeight = (change: object) => {
		const [first, ...rest] = network().weights;
		return { network: { ...network(), weights: [{ ...first!, ...change }, ...rest] } };
	};
	const place = { offset: 256, length: 16, type: 'float16', shape: [4, 2] } as const;
	const up = { name: 'conv_in.lora_up.weight', file: 1, ...place };
	const down = { ...up, name: 'conv_in.lora_down.weight', offset: 512, length: 32, shape: [2, 8] };
	/** With a delta for a weight, as one LoRA of each scale. */
	const adapted = (...deltas: object[]) =>
		changedWeight({ deltas: deltas.map((one) => ({ factor: 1, up, down, ...one })) });
	const gpu = { gpu: 'NVIDIA H200', capability: 90, multiprocessors: 132, driver: '13.0' };

	test.each<[string, () => Partial<EngineDescription>]>([
		['network', () => ({ name: 'vae' })],
		['graph', () => ({ network: { ...network(), graph: Buffer.from('Graph') } })],
		['order of weights', () => ({ network: { ...network(), weights: network().weights.toReversed() } })],
		['name of a weight', () => changedWeight({ name: 'conv_out.weight' })],
		['place of a weight', () => changedWeight({ offset: 80 })],
		['length of a weight', () => changedWeight({ length: 128 })],
		['type of a weight', () => changedWeight({ type: 'bfloat16' })],
		['shape of a weight', () => changedWeight({ shape: [8, 4] })],
		['file of a weight', () => changedWeight({ file: 1 })],
		['sum, with a LoRA,', () => adapted({})],
		['precision', () => ({ precision: 'fp32' })],
		['product', () => ({ runtime: { ...description.runtime, product: 'TensorRT' } })],
		['library version', () => ({ runtime: { ...description.runtime, version: '1.6.1.121' } })],
		['provider library', () => ({ runtime: { ...description.runtime, provider: description.files[0]! } })],
		['parser', () => ({ runtime: { ...description.runtime, parser: description.files[0]! } })],
		['capability', () => ({ target: { capabilities: [80] } })],
		['kind of target', () => ({ target: gpu })],
		['shape', () => ({ profiles: [{ sample: [2, 4, 64, 72], timestep: [2] }, description.profiles[1]!] })],
		['number of profiles', () => ({ profiles: description.profiles.slice(1) })],
		['order of profiles', () => ({ profiles: description.profiles.toReversed() })],
	])('for another %s', async (_, change) => {
		// Different contents, so that another file is another weight.
		await writeFile(description.files[1]!, Buffer.alloc(4096, 2));
		const builder = new Builder();
		const first = await ask(builder);
		const second = await ask(builder, change());
		expect(second).not.toBe(first);
		expect(builder.builds).toBe(2);
		expect([await ask(builder), await ask(builder, change()), builder.builds]).toEqual([first, second, 2]);
	});

	test.each<[string, object[], object[]?]>([
		['scale', [{ factor: 0.5 }]],
		['place of up', [{ up: { ...up, offset: 288 } }]],
		['rank', [{ up: { ...up, length: 8, shape: [4, 1] }, down: { ...down, length: 16, shape: [1, 8] } }]],
		['place of down', [{ down: { ...down, offset: 544 } }]],
		['type', [{ down: { ...down, type: 'bfloat16' } }]],
		['file', [{ down: { ...down, file: 0 } }]],
		['number', [{}, {}]],
		['order', [{ factor: 2 }, {}], [{}, { factor: 2 }]],
	])('for another %s of LoRAs', async (_, deltas, before = [{}]) => {
		await writeFile(description.files[1]!, Buffer.alloc(4096, 2));
		const builder = new Builder();
		const first = await ask(builder, adapted(...before));
		expect(await ask(builder, adapted(...deltas))).not.toBe(first);
		expect([await ask(builder, adapted(...before)), builder.builds]).toEqual([first, 2]);
	});

	test('for a LoRA with other content, but not for one of the same under another name', async () => {
		const builder = new Builder();
		const first = await ask(builder, adapted({}));
		const copy = join(root, 'renamed.safetensors');
		await copyFile(description.files[1]!, copy);
		const renamed = { ...adapted({}), files: [description.files[0]!, copy] };
		expect(await ask(builder, renamed)).toBe(first);
		await flipByte(copy, 600);
		expect(await ask(builder, renamed)).not.toBe(first);
		expect(builder.builds).toBe(2);
	});

	test.each([
		['gpu', 'NVIDIA H100'],
		['capability', 100],
		['multiprocessors', 114],
		['driver', '13.1'],
	])('for another %s of the GPU', async (field, value) => {
		const builder = new Builder();
		const first = await ask(builder, { target: gpu });
		expect(await ask(builder, { target: { ...gpu, [field]: value } })).not.toBe(first);
	});

	test.each([
		['a small', 4096, false],
		['a large', largeBytes, false],
		['a large', largeBytes, true],
	])('after a changed byte in %s weight file (%i bytes; times put back: %s)', async (_, bytes, timesBack) => {
		const weights = description.files[0]!;
		await writeFile(weights, Buffer.alloc(bytes, 1));
		const builder = new Builder();
		const first = await ask(builder);
		expect(await ask(builder)).toBe(first);
		const before = await stat(weights);
		await flipByte(weights, bytes - 1);
		if (timesBack) await utimes(weights, before.atime, before.mtime);
		expect(await ask(builder)).not.toBe(first);
		await flipByte(weights, bytes - 1);
		expect(await ask(builder)).toBe(first);
		expect(builder.builds).toBe(2);
	});

	test('after a change of a weight file in the moment after it was written', async () => {
		const weights = description.files[0]!;
		for (let i = 0; i < 5; i++) {
			await writeFile(weights, Buffer.alloc(largeBytes, i));
			const first = await ask(new Builder());
			await flipByte(weights);
			expect(await ask(new Builder())).not.toBe(first);
		}
	});

	test('of a network that is an ONNX file as it is, when that file changes', async () => {
		const builder = new Builder();
		const scrfd = { name: 'detector', network: { file: 0 } };
		const first = await ask(builder, scrfd);
		expect(await ask(builder, scrfd)).toBe(first);
		await flipByte(description.files[0]!);
		expect(await ask(builder, scrfd)).not.toBe(first);
	});

	test('but not for other words for the same shapes, and one that does not know them has none', async () => {
		const builder = new Builder();
		const file = await ask(builder);
		expect(await ask(builder, { shapes: {} })).toBe(file);
		const manifest = file.replace(/engine$/, 'json');
		const { shapes: _, ...rest } = JSON.parse(await readFile(manifest, 'utf8'));
		await writeFile(manifest, JSON.stringify(rest));
		expect(await ask(builder)).toBe(file);
		expect((await new EngineCache({ cacheDir }).list()).engines).toMatchObject([{ shapes: {} }]);
		expect(builder.builds).toBe(1);
	});

	test('but not for the same files elsewhere, or the same facts in another order', async () => {
		const builder = new Builder();
		const first = await ask(builder);
		const moved = join(root, 'moved.safetensors');
		await rename(description.files[0]!, moved);
		const change = {
			files: [moved, description.files[1]!],
			target: { capabilities: [89, 80] },
			profiles: description.profiles.map(({ sample, timestep }) => ({ timestep: timestep!, sample: sample! })),
		};
		expect(await ask(builder, change)).toBe(first);
		expect(builder.builds).toBe(1);
	});

	test('for another version of this package, system or schema', async () => {
		const fingerprint = await fingerprintOf(description, async (file) => sha256(file));
		const keys = [{}, { package: '0.0.1' }, { system: 'plan9-mips' }, { schema: 0 }].map((change) =>
			keyOf({ ...fingerprint, ...change }),
		);
		expect(new Set(keys).size).toBe(keys.length);
		expect(fingerprint.system).toBe(`${process.platform}-${process.arch}`);
	});
});

describe('a file that is no engine of ours is not handed out', () => {
	const content = { small: engineBytes, large: Buffer.alloc(largeBytes, 7) };

	test.each(['small', 'large'] as const)(
		'a flipped byte in a %s engine is found, and the engine rebuilt',
		async (size) => {
			const builder = new Builder(content[size]);
			const file = await ask(builder);
			await flipByte(file);
			expect(await ask(builder)).toBe(file);
			expect((await readFile(file)).equals(Buffer.from(content[size]))).toBe(true);
			expect(await ask(builder)).toBe(file);
			expect(builder.builds).toBe(2);
		},
	);

	test.each<[string, (file: string) => Promise<unknown>]>([
		['damaged', (file) => flipByte(file)],
		['refused by its library', (file) => new EngineCache({ cacheDir }).discard(file)],
	])('what was compiled from an engine that is %s goes with it', async (_, spoil) => {
		const file = await ask(new Builder());
		await writeFile(compiledFileOf(file), 'compiled');
		await spoil(file);
		expect(await ask(new Builder())).toBe(file);
		expect(existsSync(compiledFileOf(file))).toBe(false);
	});

	test('a damaged engine is deleted even if its builder then fails', async () => {
		const file = await ask(new Builder());
		await flipByte(file);
		const failure = new Error('no memory');
		const cache = new EngineCache({ cacheDir });
		await expect(cache.engine(description, () => Promise.reject(failure))).rejects.toBe(failure);
		expect(await readdir(folder)).toEqual([]);
	});

	const damages: [string, (file: string) => Promise<unknown>][] = [
		['was cut short', (file) => truncate(file, 5)],
		['is empty', (file) => truncate(file, 0)],
		['is missing', (file) => rm(file)],
		['was replaced by another', (file) => writeFile(file, 'a foreign program of whatever length')],
		[
			'is a link to another file',
			async (file) => {
				const other = join(root, 'other');
				await copyFile(file, other);
				await rm(file);
				await symlink(other, file);
			},
		],
		['has no manifest', (file) => rm(file.replace(/engine$/, 'json'))],
		['has an empty manifest', (file) => truncate(file.replace(/engine$/, 'json'), 0)],
		['has a torn manifest', (file) => truncate(file.replace(/engine$/, 'json'), 100)],
		['has a manifest of nothing', (file) => writeFile(file.replace(/engine$/, 'json'), 'null')],
	];
	test.each(damages)('one that %s is rebuilt', async (_, damage) => {
		const builder = new Builder();
		const file = await ask(builder);
		await damage(file);
		expect(await ask(builder)).toBe(file);
		expect(builder.builds).toBe(2);
		expect((await lstat(file)).isFile()).toBe(true);
		expect(await readFile(file, 'utf8')).toBe(engineBytes);
	});

	test('one that was copied from another key, manifest and all, is rebuilt', async () => {
		const builder = new Builder();
		const file = await ask(builder);
		const other = await ask(new Builder('another engine'), { precision: 'fp32' });
		for (const kind of ['engine', 'json']) {
			await copyFile(other.replace(/engine$/, kind), file.replace(/engine$/, kind));
		}
		expect(await readFile(await ask(builder), 'utf8')).toBe(engineBytes);
		expect(builder.builds).toBe(2);
	});

	test.runIf(isRoot)("one of another user's is rebuilt (only root can give files away)", async () => {
		const builder = new Builder();
		await chown(await ask(builder), nobody, nobody);
		const file = await ask(builder);
		expect([builder.builds, (await stat(file)).uid]).toEqual([2, 0]);
	});

	test('one whose weights changed during the build is not kept', async () => {
		const builder = new Builder();
		const build: BuildEngine = async (file, signal) => {
			await builder.build(file, signal);
			await flipByte(description.files[0]!);
		};
		await expect(new EngineCache({ cacheDir }).engine(description, build)).rejects.toMatchObject({
			code: 'FILE_FAILED',
			message: expect.stringContaining('unet'),
		});
		expect(await readdir(folder)).toEqual([]);
	});
});

describe('a build that does not end well', () => {
	test('that fails passes its error on and leaves nothing', async () => {
		const failure = new Error('node conv_in is refused');
		const build: BuildEngine = async (file) => {
			await writeFile(file, 'half');
			throw failure;
		};
		await expect(new EngineCache({ cacheDir }).engine(description, build)).rejects.toBe(failure);
		expect(await readdir(folder)).toEqual([]);
	});

	test('that writes nothing is an error', async () => {
		const built = new EngineCache({ cacheDir }).engine(description, async () => {});
		await expect(built).rejects.toMatchObject({ code: 'FILE_FAILED' });
	});

	test('that is stopped rejects with the reason and leaves nothing', async () => {
		const stop = new AbortController();
		const reason = new Error('enough');
		const build: BuildEngine = async (file, signal) => {
			await writeFile(file, 'half');
			stop.abort(reason);
			await sleep(60_000, undefined, { signal });
		};
		const cache = new EngineCache({ cacheDir });
		await expect(cache.engine(description, build, { signal: stop.signal })).rejects.toThrow();
		expect(await readdir(folder)).toEqual([]);
		const never = cache.engine(description, () => expect.unreachable(), { signal: stop.signal });
		await expect(never).rejects.toBe(reason);
	});

	test('that ignores a stop is not kept', async () => {
		const stop = new AbortController();
		const build: BuildEngine = async (file) => {
			stop.abort();
			await writeFile(file, engineBytes);
		};
		const built = new EngineCache({ cacheDir }).engine(description, build, { signal: stop.signal });
		await expect(built).rejects.toMatchObject({ name: 'AbortError' });
		expect(await readdir(folder)).toEqual([]);
	});

	test('waiting for another can be stopped, and so can reading', async () => {
		const cache = new EngineCache({ cacheDir });
		let first = Promise.resolve('');
		let end = () => {};
		await new Promise<void>((begun) => {
			first = cache.engine(description, async (file) => {
				begun();
				await new Promise<void>((ended) => {
					end = ended;
				});
				await writeFile(file, engineBytes);
			});
		});
		const stop = new AbortController();
		const second = cache.engine(description, () => expect.unreachable(), {
			signal: stop.signal,
			onProgress: () => stop.abort(),
		});
		await expect(second).rejects.toMatchObject({ name: 'AbortError' });
		end();
		await first;

		await writeFile(description.files[0]!, Buffer.alloc(largeBytes, 9));
		const third = new AbortController();
		const reading = cache.engine(description, () => expect.unreachable(), {
			signal: third.signal,
			onProgress: () => third.abort(),
		});
		await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
	});

	test('an exception of a progress callback ends the call', async () => {
		await writeFile(description.files[0]!, Buffer.alloc(largeBytes, 9));
		const failure = new Error('mine');
		const reading = new EngineCache({ cacheDir }).engine(description, () => expect.unreachable(), {
			onProgress() {
				throw failure;
			},
		});
		await expect(reading).rejects.toBe(failure);
	});

	test('a missing weight file is named', async () => {
		await rm(description.files[1]!);
		await expect(ask(new Builder())).rejects.toMatchObject({
			code: 'FILE_FAILED',
			message: expect.stringContaining('lora.safetensors'),
		});
	});
});

describe('a folder that can not be used is refused before a build', () => {
	const refusal = async (message: string | RegExp) => {
		const builder = new Builder();
		const contained = typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message);
		await expect(ask(builder)).rejects.toMatchObject({ code: 'FILE_FAILED', message: contained });
		expect(builder.builds).toBe(0);
	};

	test('when a file is in its way', async () => {
		await mkdir(cacheDir);
		await writeFile(folder, '');
		await refusal(folder);
	});

	test('when a file is in the way of the folder above', async () => {
		await writeFile(cacheDir, '');
		await refusal(cacheDir);
	});

	test.skipIf(isWindows)('when others may enter it', async () => {
		await mkdir(folder, { recursive: true, mode: 0o755 });
		await chmod(folder, 0o755);
		await refusal(/mode 755.*chmod 700.*`cacheDir`/);
	});

	test.skipIf(isWindows)('when it belongs to another user, with what to do instead', async () => {
		await mkdir(folder, { recursive: true, mode: 0o700 });
		const { uid } = await stat(folder);
		const user = vi.spyOn(process, 'getuid').mockReturnValue(uid + 1);
		try {
			await refusal(
				`current user (uid ${uid + 1}) for ${folder} but received one of uid ${uid}. Let its owner delete it, or choose another with`,
			);
		} finally {
			user.mockRestore();
		}
	});

	test.runIf(isRoot)('when it belongs to another user (only root can give folders away)', async () => {
		await mkdir(folder, { recursive: true, mode: 0o700 });
		await chown(folder, nobody, nobody);
		await refusal(/uid 65534/);
	});

	test.runIf(process.platform === 'linux')('when no folder can be made there', async () => {
		cacheDir = '/proc/arc2face';
		await refusal('/proc/arc2face');
	});
});

describe('what is used least goes when there is too much', () => {
	const limitBytes = 2.5 * engineBytes.length;
	const versions = ['a', 'b', 'c', 'd'].map((version) => ({ precision: version }));

	test('the engine that was used last longest ago first, the one just built never', async () => {
		const builder = new Builder();
		const [a, b] = [await ask(builder, versions[0]), await ask(builder, versions[1])];
		await age(a, 30);
		await age(b, 40);
		const c = await ask(builder, versions[2], { limitBytes });
		expect([existsSync(a), existsSync(b), existsSync(c)]).toEqual([true, false, true]);
		const d = await ask(builder, versions[3], { limitBytes: 0 });
		expect([existsSync(a), existsSync(c), existsSync(d)]).toEqual([false, true, true]); // c may yet be opened
	});

	test('a hit counts as use', async () => {
		const builder = new Builder();
		const [a, b] = [await ask(builder, versions[0]), await ask(builder, versions[1])];
		await age(a, 40);
		await age(b, 30);
		await ask(builder, versions[0]);
		await ask(builder, versions[2], { limitBytes });
		expect([existsSync(a), existsSync(b)]).toEqual([true, false]);
	});

	test('what was compiled from an engine counts and goes with it', async () => {
		const builder = new Builder();
		const a = await ask(builder, versions[0]);
		await writeFile(compiledFileOf(a), Buffer.alloc(1000));
		await age(a, 30);
		const b = await ask(builder, versions[1], { limitBytes: 1000 });
		expect(await namesIn(folder)).toEqual([basename(b), basename(b).replace(/engine$/, 'json')].sort());
	});

	test('how much that is, the environment may say', async () => {
		const builder = new Builder();
		const a = await ask(builder, versions[0]);
		await age(a, 30);
		vi.stubEnv('ARC2FACE_CACHE_LIMIT', '');
		const b = await ask(builder, versions[1]);
		expect(existsSync(a)).toBe(true);
		await age(b, 40);
		vi.stubEnv('ARC2FACE_CACHE_LIMIT', `${(limitBytes / 1e9).toFixed(12)}`);
		await ask(builder, versions[2]);
		expect([existsSync(a), existsSync(b)]).toEqual([true, false]);
	});

	test.each(['20GB', '-1', 'Infinity', ' ', '1e3'])('a limit of "%s" is refused', (limit) => {
		vi.stubEnv('ARC2FACE_CACHE_LIMIT', limit);
		expect(() => new EngineCache({ cacheDir })).toThrow(
			expect.objectContaining({
				code: 'INVALID_ARGUMENT',
				message: expect.stringContaining(
					`a number of gigabytes such as 20 for ARC2FACE_CACHE_LIMIT but received "${limit}"`,
				),
			}),
		);
	});

	test('an engine that somebody works on stays', async () => {
		const builder = new Builder();
		const a = await ask(builder, versions[0]);
		await age(a, 30);
		await mkdir(a.replace(/engine$/, 'lock')); // as a process makes and renews it
		await ask(builder, versions[1], { limitBytes: 0 });
		expect(existsSync(a)).toBe(true);
	});

	test('files of other names stay, whatever they are', async () => {
		const builder = new Builder();
		const a = await ask(builder, versions[0]);
		await age(a, 30);
		const others = ['notes.txt', 'model.engine', `${'g'.repeat(64)}.engine`, `${'a'.repeat(64)}.engine.bak`];
		for (const name of others) await writeFile(join(folder, name), 'mine');
		await ask(builder, versions[1], { limitBytes: 0 });
		await new EngineCache({ cacheDir }).clean({ unusedSince: new Date() });
		expect(await namesIn(folder)).toEqual([...others].sort());
	});

	test('an engine that is asked for again while it goes is whole or missing, never half', async () => {
		const builder = new Builder();
		const cache = new EngineCache({ cacheDir });
		for (let i = 0; i < 20; i++) {
			const file = await ask(builder);
			await age(file, 30);
			const [again] = await Promise.all([
				cache.engine(description, builder.build),
				cache.clean({ unusedSince: new Date(Date.now() - 60_000) }),
			]);
			expect(again).toBe(file);
			expect(await readFile(file, 'utf8')).toBe(engineBytes);
		}
	});
});

describe('list and clean', () => {
	test('a cache that is not there is empty, and is not made', async () => {
		const cache = new EngineCache({ cacheDir });
		const nothing = { engines: [], leftoverBytes: 0, timingsBytes: 0 };
		expect(await cache.list()).toEqual(nothing);
		expect(await cache.clean({ unusedSince: new Date() })).toEqual(nothing);
		expect(existsSync(cacheDir)).toBe(false);
	});

	test('engines are listed with what they are, last used first', async () => {
		const builder = new Builder();
		const target = { gpu: 'NVIDIA H200', capability: 90, multiprocessors: 132, driver: '13.0' };
		const [a, b] = [await ask(builder), await ask(builder, { target })];
		await age(b, 5);
		const { engines } = await new EngineCache({ cacheDir }).list();
		expect(engines).toMatchObject([
			{ file: a, network: 'unet', product: 'TensorRT-RTX', version: '1.6.1.120', gpu: '8.0, 8.9', precision: 'fp16' },
			{ file: b, gpu: 'NVIDIA H200', bytes: engineBytes.length },
		]);
		expect(engines.map(({ shapes }) => shapes)).toEqual([description.shapes, description.shapes]);
		expect(Date.now() - engines[1]!.lastUsed.getTime()).toBeGreaterThan(4.9 * 3_600_000);
	});

	test('clean deletes what killed builds have left, and engines that were not used since a time', async () => {
		const builder = new Builder();
		const [a, b] = [await ask(builder, { name: 'a' }), await ask(builder, { name: 'b' })];
		await age(a, 50);
		const key = sha256('killed');
		await writeFile(join(folder, `${key}.engine`), 'x'.repeat(100));
		await writeFile(join(folder, `${key}.compiled`), 'x'.repeat(1000));
		await writeFile(join(folder, `${key}.1-2.part`), 'x'.repeat(10));
		await writeFile(b.replace(/engine$/, '3.part'), 'x');
		const cache = new EngineCache({ cacheDir });
		expect((await cache.list()).leftoverBytes).toBe(1111);
		expect(await cache.clean()).toEqual({ engines: [], leftoverBytes: 1111, timingsBytes: 0 });
		expect((await cache.list()).engines.map(({ network }) => network)).toEqual(['b', 'a']);

		const { engines } = await cache.clean({ unusedSince: new Date(Date.now() - 3_600_000) });
		expect(engines.map(({ network }) => network)).toEqual(['a']);
		expect((await cache.clean({ unusedSince: new Date() })).engines.map(({ network }) => network)).toEqual(['b']);
		expect(await readdir(folder)).toEqual([]);
	});

	test('what builders have timed is counted, and goes when it was not used since a time', async () => {
		await ask(new Builder());
		const cache = new EngineCache({ cacheDir });
		const on = (gpu: string) =>
			cache.timingsFileOf({ ...description, target: { gpu, capability: 90, multiprocessors: 132, driver: '13.0' } });
		const [old, recent] = [on('H100'), on('H200')];
		await writeFile(old, Buffer.alloc(100));
		await writeFile(recent, Buffer.alloc(20));
		const then = new Date(Date.now() - 10 * 3_600_000);
		await utimes(old, then, then);
		const others = [`${'g'.repeat(64)}.timings`, 'mine.timings'];
		for (const name of others) await writeFile(join(folder, name), 'mine');
		expect(await cache.list()).toMatchObject({ leftoverBytes: 0, timingsBytes: 120 });
		expect(await cache.clean()).toMatchObject({ leftoverBytes: 0, timingsBytes: 0 });
		expect(await cache.clean({ unusedSince: new Date(Date.now() - 3_600_000) })).toMatchObject({ timingsBytes: 100 });
		expect([existsSync(old), existsSync(recent)]).toEqual([false, true]);
		expect(await cache.clean({ unusedSince: new Date() })).toMatchObject({ timingsBytes: 20 });
		expect(await namesIn(folder)).toEqual([...others].sort());
	});

	test('digests of files that are gone are forgotten', async () => {
		await writeFile(description.files[0]!, Buffer.alloc(largeBytes, 9));
		await ask(new Builder());
		const digests = async () => (await readdir(folder)).filter((name) => name.endsWith('.digest'));
		await new EngineCache({ cacheDir }).clean();
		expect(await digests()).toHaveLength(1);
		await rm(description.files[0]!);
		await new EngineCache({ cacheDir }).clean();
		expect(await digests()).toEqual([]);
	});
});
