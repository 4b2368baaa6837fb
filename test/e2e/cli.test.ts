// The command line as a user starts it: every command, its outputs and exit codes.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writeRandomBundle } from '../../benchmarks/random-bundle/bundle.ts';
import { EngineCache } from '../../lib/engines/cache.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { useProgram } from '../program.ts';

const { current, start, run, shell, serve } = useProgram();
let folder: string;
beforeEach(() => {
	({ folder } = current);
});

/** Libraries for tests, built beside the addon. */
const inside = (name: string) =>
	process.env.ARC2FACE_INSIDE === undefined
		? join(import.meta.dirname, `../../build/Release/inside/arc2face_${name}.so`)
		: join(dirname(process.env.ARC2FACE_INSIDE), `arc2face_${name}.so`);

/** Resolves when `condition` holds; the test's time limit is the limit. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
	while (!(await condition())) await new Promise((done) => setTimeout(done, 20));
}

const commandNames = ['generate', 'encode', 'detect', 'compare', 'evaluate', 'audit', 'pull', 'engines', 'doctor'];

/** Signatures differ each time, and some tests compare files. */
const unmarked = '--no-provenance';

describe('help and version', () => {
	test('--help lists the commands on stdout', async () => {
		const { code, stdout, stderr } = await run('--help');
		expect([code, stderr]).toEqual([0, '']);
		for (const name of commandNames) expect(stdout).toContain(`\n  ${name} `);
	});

	test('without a command the help goes to stderr, and the exit code says wrong usage', async () => {
		const { code, stdout, stderr } = await run();
		expect([code, stdout]).toEqual([2, '']);
		expect(stderr).toContain('Usage: arc2face');
	});

	test.each(
		commandNames.flatMap((name) => (name === 'engines' ? ['engines build', 'engines list', 'engines clean'] : name)),
	)('%s --help shows an example', async (name) => {
		const path = name.split(' ');
		const [long, short, help] = await Promise.all([run(...path, '--help'), run(...path, '-h'), run('help', ...path)]);
		expect(long).toMatchObject({ code: 0, stderr: '' });
		expect(long.stdout).toContain(`Example:\n  arc2face ${name}`);
		expect([short.stdout, help.stdout]).toEqual([long.stdout, long.stdout]);
	});

	test('--version is that of package.json', async () => {
		expect(await run('--version')).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
	});
});

describe('wrong usage exits with 2, explains itself on stderr and prints nothing', () => {
	test.each<[string[], string]>([
		[['genrate'], 'Did you mean generate?'],
		[['help', 'dcotor'], 'Did you mean doctor?'],
		[['zebra'], 'There are generate'],
		[['gen'], 'Did you mean generate?'],
		[['generate', 'a.jpg', '--guidance', '4'], 'Did you mean --guidance-scale?'],
		[['generate', 'a.jpg', '--cuont', '4'], 'Did you mean --count?'],
		[['generate', 'a.jpg', '--count', 'four'], '--count'],
		[['generate', 'a.jpg', '--count', '0'], 'for --count but received 0'],
		[['generate', 'a.jpg', '--format', 'bmp'], '--format'],
		[['generate'], '<photo…>'],
		[['generate', 'a.jpg', '--identity', 'a.json'], 'both'],
		[['generate', 'x/a.jpg', 'y/a.jpg', '--seed', '1'], 'a-1.png'],
		[['generate', 'a.jpg', '--bundle', ''], 'bundle'],
		[
			['generate', 'a.jpg', '--guidance-interval', '5,1'],
			'at least 0, the lower one first for --guidance-interval but received [5, 1]',
		],
		[['generate', 'a.jpg', '--guidance-interval', '1'], '--guidance-interval but received [1]'],
		[['generate', 'a.jpg', '--guidance-interval', '0.3,high'], 'a number for --guidance-interval but received "high"'],
		[['generate', 'a.jpg', '--check', '5'], 'a number from -1 to 1 for --check but received 5'],
		[['generate', 'a.jpg', '--check', '0.5', '--tries', '0'], 'an integer from 1 to 100 for --tries but received 0'],
		[['generate', 'a.jpg', '--tries', '2'], '--check with --tries'],
		[['generate', '--recipe', 'a.json', '--face', '1'], '--face but received --recipe'],
		[['generate', '--recipe'], '--recipe'],
		[['generate', 'a.jpg', '--seed', '-1'], '--seed but received -1. See arc2face generate --help.'],
		[['generate', 'a.jpg', 'b.jpg', '--out', 'a.png'], 'a folder for --out with 2 portraits'],
		[['generate', 'a.jpg', '--count', '2', '--out', '-'], 'a folder for --out with 2 portraits'],
		[['generate', 'a.jpg', '--out', 'a.webp', '--format', 'png'], 'of the format png'],
		[['generate', '--identity', 'a.json', '--face', '1'], '--face but received --identity'],
		[
			['generate', '--identity', 'a.json', '--keypoints', '1,2,3,4,5,6,7,8,9,10'],
			'--keypoints but received --identity',
		],
		[
			['generate', 'a.jpg', 'b.jpg', '--keypoints', '-1,2,3,4,5,6,7,8,9,10'],
			'one photo with --keypoints but received 2',
		],
		[['generate', 'a.jpg', '--image-sizes', '512'], '--image-sizes but received "512"'],
		[['generate', 'a.jpg', '--image-sizes', '512x512', '--width', '256'], 'received 256x512'],
		[['detect', 'a.jpg', '--batch-sizes', '0'], '--batch-sizes but received [0]'],
		[['encode', 'a.jpg', '--out', 'a.txt'], '.json for --out but received "a.txt"'],
		[['detect', 'a.jpg', '--threads', '-1'], '--threads but received -1'],
		[['detect', 'a.jpg', '--device', 'gpu'], 'auto, cpu, cuda or cuda:N for --device but received "gpu"'],
		[['detect', 'a.jpg', '--threshold', '2'], '0 to 1 for --threshold but received 2'],
		[['generate', '--identity', 'a.json', '--threshold', '0.4'], '--threshold but received --identity'],
		[['detect', ''], '<photo> but received ""'],
		[['encode'], "Missing required argument 'photo'."],
		[['encode', 'a.jpg', '--face', 'smallest'], '--face'],
		[['compare', 'a.jpg'], "Missing required argument 'b'."],
		[['pull', '--with', 'controlnte'], 'Did you mean controlnet?'],
		[['pull', 'arc2face'], 'pull'],
		[['engines'], 'Usage: arc2face engines'],
		[['engines', 'claen'], 'Did you mean clean?'],
		[['engines', 'forge'], 'There are build, list, clean'],
		[['engines', 'list', '--all'], '--all'],
		[['engines', 'list', '--bundle', 'tiny'], "Unknown option '--bundle'."],
		[['engines', 'build', '--unused-days', '3'], "Unknown option '--unused-days'."],
		[['engines', 'build', '--device', 'cpu'], 'received cpu'],
		[['engines', 'build', '--device', 'gpu'], '--device'],
		[['engines', 'build', '--capability', '89'], '--capability but received "89"'],
		[['engines', 'build', '--capability', '8.9,9.0'], '--capability but received "9.0"'],
		[
			['engines', 'build', '--capability', '12.2'],
			'7.5, 8.0, 8.6, 8.9, 12.0, 12.1 for --capability but received "12.2"',
		],
		[['engines', 'build', '--capability', '8.9', '--device', 'cuda'], 'both'],
		[['engines', 'build', '--batch-sizes', '1,two'], 'Expected a number for --batch-sizes but received "two"'],
		[['engines', 'build', '--batch-sizes', '1,'], '--batch-sizes but received ""'],
		[['engines', 'build', '--batch-sizes', '1,65'], '--batch-sizes but received [1, 65]'],
		[['engines', 'build', '--image-sizes', '512x512,512'], '--image-sizes but received "512"'],
		[['engines', 'build', '--image-sizes', '4096x512'], 'up to 2048, for --image-sizes'],
		[['engines', 'build', '--detection-size', '100'], '--detection-size but received 100'],
		[['engines', 'list', '--detection-size', '640'], "Unknown option '--detection-size'."],
		[['engines', 'clean', '--all', '--unused-days', '3'], 'both'],
		[['engines', 'clean', '--unused-days', '-1'], '--unused-days'],
		[['doctor', '--verbose'], '--verbose'],
	])('%j', async (args, message) => {
		const { code, stdout, stderr } = await run(...args);
		expect(stderr).toContain(message);
		expect(stderr).not.toContain('    at ');
		expect(stderr.match(/^(arc2face|error): /gm)).toEqual(['arc2face: ']);
		expect([code, stdout]).toEqual([2, '']);
	});

	test('an existing portrait is not overwritten without --force', async () => {
		await writeFile(join(folder, 'a-1.png'), 'mine');
		const { code, stderr } = await run('generate', 'a.jpg', '--seed', '1');
		expect(code).toBe(2);
		expect(stderr).toContain('--force');
		expect(await readFile(join(folder, 'a-1.png'), 'utf8')).toBe('mine');
	});

	test('nor one that would be that of a later try', async () => {
		// Two portraits with three tries: seeds 1 to 6; or, of one batch, seeds 1 to 3.
		const line = ['generate', 'a.jpg', '--seed', '1', '--count', '2', '--check', '0.5'];
		await writeFile(join(folder, 'a-6.png'), 'mine');
		await writeFile(join(folder, 'a-3-1.png'), 'mine');
		expect((await run(...line)).stderr).toContain('a-6.png');
		expect((await run(...line, '--noise', 'batch')).stderr).toContain('a-3-1.png');
		for (const fewer of [
			['--tries', '2'],
			['--tries', '2', '--noise', 'batch'],
		]) {
			expect((await run(...line, ...fewer)).stderr).toContain('a.jpg: there is no such file');
		}
	});
});

describe('doctor', () => {
	test('tells machine, device and why no GPU is used, for people and for programs', async () => {
		const [people, programs] = await Promise.all([run('doctor'), run('doctor', '--json')]);
		const report = JSON.parse(programs.stdout);
		expect(report.node).toBe(process.versions.node);
		expect(report.package.version).toBe(packageJson.version);
		expect(report.device).toMatchObject({ device: 'cpu', provider: 'onnxruntime' });
		expect(report.device.reasons).toContain('The CPU remains.');
		expect(report.dataFolder.path.startsWith(folder)).toBe(true);
		for (const text of [process.versions.node, packageJson.version, ...report.device.reasons]) {
			expect(people.stdout).toContain(text);
		}
		const { name, extras } = report.bundles[0];
		expect([name, extras]).toEqual(['tiny', ['control', 'expression', 'reference', 'taesd', 'lcm']]);
		expect(people.stdout).toMatch(/^tiny +complete +yes +control, expression, reference, taesd, lcm +\S/m);
		expect([people.code, programs.code]).toEqual(report.canRun ? [0, 0] : [1, 1]);
	});

	test('tells what it looked for in which folder, and where engines are kept', async () => {
		const env = { XDG_CACHE_HOME: join(folder, 'caches'), LD_LIBRARY_PATH: join(folder, 'libraries') };
		const { code, stdout } = await start(['doctor', '--json'], env).ended;
		expect(code).toBe(0);
		const { gpus } = JSON.parse(stdout);
		expect(gpus.libraries.map(({ path }: { path: string }) => path)).toContain(join(folder, 'libraries'));
		expect(gpus.engines).toEqual({ folder: join(folder, 'caches/arc2face/engines'), count: 0, bytes: 0 });
	});

	test.each(['stand_in', 'other_tensorrt', 'deadly_library'])(
		'tells what becomes of the provider library %s',
		async (name) => {
			const provider = inside(name);
			const env = { ARC2FACE_PROVIDER: provider };
			const [people, programs] = await Promise.all([
				start(['doctor'], env).ended,
				start(['doctor', '--json'], env).ended,
			]);
			const { device, gpus, problems, canRun } = JSON.parse(programs.stdout);
			expect([people.code, programs.code, canRun]).toEqual([0, 0, true]);
			const row = people.stdout
				.split('\n')
				.find((line) => line.includes(provider) && line.includes('ARC2FACE_PROVIDER'));
			if (name === 'stand_in') {
				expect(device).toMatchObject({ device: 'cuda:0', provider: 'stand-in', version: '1.2.3.4' });
				expect(row).toContain('1.2.3.4');
				expect(JSON.stringify(problems)).not.toContain(provider);
			} else {
				expect(device.device).toBe('cpu');
				expect(row).toContain('not usable');
				expect(gpus.libraries).toContainEqual(
					expect.objectContaining({
						path: provider,
						error: { problem: expect.any(String), remedy: expect.any(String) },
					}),
				);
				expect(problems).toContainEqual({
					problem: expect.stringContaining(provider),
					remedy: expect.stringContaining('ARC2FACE_PROVIDER'),
				});
				expect(people.stdout).toContain('Problems:');
			}
		},
	);

	test('exits with 1 when the addon is missing, and tells how to build it', async () => {
		// A folder without an addon, to look in instead of the package.
		const { code, stdout, stderr } = await start(['doctor', '--json'], { ARC2FACE_NATIVE_PREBUILD: folder }).ended;
		expect([code, stderr]).toEqual([1, '']);
		const { addon, problems, device } = JSON.parse(stdout);
		expect(addon).toMatchObject({ error: expect.stringContaining('No native build was found') });
		expect(device).toMatchObject({ device: 'cpu', provider: 'onnxruntime' });
		expect(problems[0].remedy).toContain('npx node-gyp rebuild');
	});

	test('exits with 1 when no ONNX Runtime library is there, and names what it looked for', async () => {
		const library = join(folder, 'missing.so');
		const { code, stdout } = await start(['doctor'], { ARC2FACE_ONNXRUNTIME: library }).ended;
		expect(code).toBe(1);
		expect(stdout).toContain(library);
	});
});

describe('pull', () => {
	test('shows the terms, stops at a file that is not the official one, and names it', async () => {
		const endpoint = await serve((request, response) => {
			response.end(request.url?.endsWith('.json') ? '{}' : 'not the weights');
		});
		const { code, stdout, stderr } = await start(['pull'], { HF_ENDPOINT: endpoint }).ended;
		expect([code, stdout]).toEqual([1, '']);
		expect(stderr).toContain('non-commercial');
		expect(stderr).toContain('--accept-antelopev2-license');
		expect(stderr).toContain('arc2face: Expected 334643276 bytes for');
		expect(stderr).toContain('vae/diffusion_pytorch_model.safetensors');
	});

	test.each([
		[404, 'HF_ENDPOINT'],
		[401, 'HF_TOKEN'],
	])('says what to do about %i', async (status, remedy) => {
		const endpoint = await serve((_, response) => response.writeHead(status).end());
		const { code, stderr } = await start(['pull', '--out', 'bundle'], { HF_ENDPOINT: endpoint }).ended;
		expect(code).toBe(1);
		expect(stderr).toContain(remedy);
	});

	test('a server that cannot be had is named, at once', async () => {
		// fetch refuses port 1: https://fetch.spec.whatwg.org/#port-blocking
		const { code, stderr } = await start(['pull', '--out', 'bundle'], { HF_ENDPOINT: 'http://127.0.0.1:1' }).ended;
		expect(code).toBe(1);
		expect(stderr).toContain("Can't reach the server 127.0.0.1:1, which HF_ENDPOINT names: bad port.");
		expect(stderr).not.toContain('trying again');
	});

	test('an interrupt exits with 130 and leaves what can be resumed', async () => {
		const half = Buffer.alloc(50_000, 1);
		const endpoint = await serve((request, response) => {
			if (request.url?.endsWith('.json')) return response.end('{}');
			response.writeHead(200, { 'content-length': 334_643_276 });
			return response.write(half);
		});
		const { child, ended } = start(['pull', '--out', 'bundle'], { HF_ENDPOINT: endpoint });
		const part = join(folder, 'bundle/vae/diffusion_pytorch_model.safetensors.part');
		await until(() => existsSync(part));
		while ((await stat(part)).size < half.length) await new Promise((done) => setTimeout(done, 20));
		child.kill('SIGINT');
		expect(await ended).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('Interrupted.') });
		expect((await readFile(part)).equals(half)).toBe(true);
		expect(await readdir(join(folder, 'bundle'))).not.toContain('.pull.lock');
	});

	test('sends the token of HF_TOKEN to the endpoint', async () => {
		const seen = new Set<string | undefined>();
		const endpoint = await serve((request, response) => {
			seen.add(request.headers.authorization);
			response.writeHead(404).end();
		});
		await start(['pull'], { HF_ENDPOINT: endpoint, HF_TOKEN: 'hf_secret' }).ended;
		expect([...seen]).toEqual(['Bearer hf_secret']);
	});
});

describe('engines', () => {
	const cache = () => ['--cache-dir', join(folder, 'cache')];

	/** Two engines, the second last used ten days ago, and leftovers of a killed build. */
	async function fill(): Promise<void> {
		const library = join(folder, 'provider.so');
		const network = join(folder, 'network.onnx');
		for (const file of [library, network]) await writeFile(file, 'x');
		const engines = new EngineCache({ cacheDir: join(folder, 'cache') });
		const build = (bytes: number) => async (file: string) => writeFile(file, Buffer.alloc(bytes));
		const description = {
			network: { file: 0 },
			files: [network],
			runtime: { product: 'TensorRT-RTX', version: '1.6.1.120', provider: library, core: library },
			target: { capabilities: [89, 120] },
			precision: 'fp16',
			profiles: [],
			shapes: {},
		};
		const shapes = { imageSizes: [{ width: 512, height: 768 }], batchSizes: [2, 8] };
		await engines.engine({ ...description, name: 'unet', shapes }, build(2_000_000));
		const old = await engines.engine({ ...description, name: 'vae decoder' }, build(3000));
		const then = new Date(Date.now() - 10 * 86_400_000);
		await utimes(old.replace(/engine$/, 'json'), then, then);
		await writeFile(join(engines.folder, `${'0'.repeat(64)}.1.part`), Buffer.alloc(70));
		await writeFile(join(engines.folder, `${'1'.repeat(64)}.timings`), Buffer.alloc(600_000));
	}

	test('list tells what each engine is, for people and for programs', async () => {
		await fill();
		const [people, programs] = await Promise.all([
			run('engines', 'list', ...cache()),
			run('engines', 'list', ...cache(), '--json'),
		]);
		expect([people.code, people.stderr, programs.code]).toEqual([0, '', 0]);
		const lines = people.stdout.split('\n');
		expect(lines[0]).toMatch(
			/^network +product +GPU +precision +image sizes +batch sizes +detection size +size +last used/,
		);
		expect(lines[1]).toMatch(
			/^unet +TensorRT-RTX 1\.6\.1\.120 +8\.9, 12\.0 +fp16 +512x768 +2,8 +2\.0 MB +\d{4}-\d\d-\d\d \d\d:\d\d$/,
		);
		expect(lines[2]).toMatch(/^vae decoder .* 3\.0 kB /);
		expect(people.stdout).toContain('70 bytes');
		expect(people.stdout).toContain('have timed is kept beside them: 600.0 kB.');
		const listing = JSON.parse(programs.stdout);
		expect(listing).toMatchObject({ folder: join(folder, 'cache/engines'), leftoverBytes: 70, timingsBytes: 600_000 });
		expect(listing.engines).toMatchObject([
			{
				...{ network: 'unet', product: 'TensorRT-RTX', gpu: '8.9, 12.0', bytes: 2_000_000 },
				shapes: { imageSizes: [{ width: 512, height: 768 }], batchSizes: [2, 8] },
			},
			{ network: 'vae decoder', bytes: 3000 },
		]);
		expect(Date.now() - Date.parse(listing.engines[1].lastUsed)).toBeGreaterThan(9 * 86_400_000);
	});

	test('clean deletes what builds have left, then what is old, then all, and tells what that freed', async () => {
		await fill();
		const leftovers = await run('engines', 'clean', ...cache());
		expect(leftovers).toMatchObject({ code: 0, stderr: expect.stringContaining('--all') });
		expect(leftovers.stdout).toBe('Deleted 0 engines, freed 70 bytes. 2 engines (2.0 MB) stay.\n');
		const old = await run('engines', 'clean', '--unused-days', '9', ...cache(), '--json');
		expect(JSON.parse(old.stdout)).toMatchObject({
			removed: [{ network: 'vae decoder' }],
			freedBytes: 3000,
			kept: [{ network: 'unet' }],
		});
		const all = await run('engines', 'clean', '--all', ...cache());
		expect(all.stdout).toContain('Deleted 1 engine, freed 2.6 MB. None are left.');
		expect(await readdir(join(folder, 'cache/engines'))).toEqual([]);
		expect((await run('engines', 'list', ...cache())).stdout).toContain('No engines.');
	});

	test.skipIf(process.platform === 'win32')('a folder that others may enter is refused', async () => {
		await mkdir(join(folder, 'cache/engines'), { recursive: true });
		await chmod(join(folder, 'cache/engines'), 0o755);
		const { code, stdout, stderr } = await run('engines', 'list', ...cache());
		expect([code, stdout]).toEqual([1, '']);
		expect(stderr).toContain('chmod 700');
		expect(stderr).toContain('--cache-dir');
		expect(stderr).not.toContain('cacheDir');
	});
});

const astronaut = join(import.meta.dirname, '../fixtures/astronaut.png');

// The golden bundle paints with tiny random networks, and can't read faces.
describe('with a bundle', () => {
	const bundle = join(import.meta.dirname, '../golden/tiny-sd');
	const model = ['--bundle', bundle, '--steps', '2', unmarked];
	const identity = () => join(folder, 'anna.json');
	beforeEach(async () => {
		const embedding = Array.from({ length: 512 }, (_, i) => Math.sin(i + 1));
		await writeFile(identity(), JSON.stringify({ embedding }));
	});
	const sha256 = async (file: string) =>
		createHash('sha256')
			.update(await readFile(join(folder, file)))
			.digest('hex');

	test('generate writes portraits of a saved identity and reports the seed of each', async () => {
		const args = ['generate', '--identity', identity(), '--count', '2', '--seed', '7', ...model];
		const { code, stdout, stderr } = await run(...args, '--out', 'one', '--json');
		expect(stderr).not.toContain('arc2face:');
		expect(code).toBe(0);
		const { portraits } = JSON.parse(stdout).results[0];
		expect(portraits.map(({ seed, file }: { seed: number; file: string }) => [seed, file])).toEqual([
			[7, join('one', 'anna-7.png')],
			[8, join('one', 'anna-8.png')],
		]);
		const again = await run(...args, '--out', 'two');
		expect(again.stdout).toContain(join('two', 'anna-8.png'));
		expect(await sha256('two/anna-7.png')).toBe(await sha256('one/anna-7.png'));
		expect(await sha256('two/anna-8.png')).not.toBe(await sha256('one/anna-7.png'));
	});

	test('generate shows what it paints in a file beside the portrait, until that is there', async () => {
		const args = ['generate', '--identity', identity(), '--bundle', bundle, '--seed', '7', '--out', 'one'];
		const long = [...args, '--steps', '400', '--preview', '1'];
		const { child, ended } = start(long);
		const file = join(folder, 'one', 'anna-7.preview.png');
		const read = () => readFile(file).catch(() => undefined);
		await until(async () => (await read()) !== undefined || child.exitCode !== null);
		const [first, { width, height }] = [await read(), await sharp(file).metadata()];
		expect([width, height]).toEqual([128, 128]);
		await until(async () => Buffer.compare((await read()) ?? first!, first!) !== 0 || child.exitCode !== null);
		expect(child.exitCode).toBeNull();
		child.kill('SIGINT');
		expect((await ended).code).toBe(130);
		expect(await readdir(join(folder, 'one'))).toEqual([]);

		expect((await run(...args, '--steps', '4', '--preview', '2')).code).toBe(0);
		expect(await readdir(join(folder, 'one'))).toEqual(['anna-7.png']);

		await writeFile(file, 'of somebody else');
		const refused = await run(...args, '--steps', '4', '--preview', '2', '--format', 'webp');
		expect([refused.code, refused.stderr.includes('anna-7.preview.png exists already')]).toEqual([2, true]);
		const zero = await run(...args, '--steps', '4', '--preview', '0', '--force');
		expect(zero.code).toBe(2);
		expect(zero.stderr).toContain('an integer from 1 to 1000 for --preview but received 0');
	});

	test('generate paints with the decoder that is asked for, or says where one is to be had', async () => {
		const own = join(folder, 'bundle');
		await cp(bundle, own, { recursive: true });
		const args = ['generate', '--identity', identity(), '--seed', '7', '--steps', '2', '--bundle', own, unmarked];
		const missing = await run(...args, '--decoder', 'taesd');
		expect([missing.code, missing.stdout]).toEqual([1, '']);
		expect(missing.stderr).toContain(join(own, 'taesd'));
		expect(missing.stderr).toContain('madebyollin/taesd');
		expect(missing.stderr).toContain('--decoder vae');
		await cp(join(bundle, '../taesd/tiny-taesd'), join(own, 'taesd'), { recursive: true });
		for (const [out, ...decoder] of [
			['usual.png'],
			['vae.png', '--decoder', 'vae'],
			['tiny.png', '--decoder', 'taesd'],
		]) {
			const { code, stderr } = await run(...args, '--out', out!, ...decoder);
			expect(code, stderr).toBe(0);
		}
		expect(await sha256('vae.png')).toBe(await sha256('usual.png'));
		expect(await sha256('tiny.png')).not.toBe(await sha256('usual.png'));
		expect(await run(...args, '--decoder', 'taesdxl')).toMatchObject({ code: 2 });
	});

	test('a random seed is reported and gives the same portrait again', async () => {
		const { stdout } = await run('generate', '--identity', identity(), ...model, '--json');
		const [{ seed, file }] = JSON.parse(stdout).results[0].portraits;
		const before = await sha256(file);
		const again = await run('generate', '--identity', identity(), ...model, '--seed', String(seed), '--force');
		expect(again.code).toBe(0);
		expect(await sha256(file)).toBe(before);
	});

	describe('a recipe', () => {
		const cached = () => ['--cache-dir', join(folder, 'cache')];
		const paint = (...options: string[]) => run('generate', '--bundle', bundle, ...cached(), unmarked, ...options);
		const saved = join('one', 'anna-8.recipe.json');
		beforeEach(async () => {
			const args = ['--identity', identity(), '--count', '2', '--seed', '7', '--steps', '2', '--save-recipe'];
			const { stdout } = await paint(...args, '--out', 'one', '--json');
			const { portraits } = JSON.parse(stdout).results[0];
			expect(portraits.map(({ recipe }: { recipe: string }) => recipe)).toEqual([
				join('one', 'anna-7.recipe.json'),
				saved,
			]);
		});

		test('paints the same portrait again', async () => {
			const { code, stdout } = await paint('--recipe', saved, '--out', 'again', '--save-recipe');
			expect([code, stdout.includes(join('again', 'anna-8-8.png'))]).toEqual([0, true]);
			expect(await sha256('again/anna-8-8.png')).toBe(await sha256('one/anna-8.png'));
			expect(await sha256('again/anna-8-8.recipe.json')).toBe(await sha256(saved));
			const piped = await shell(
				`cat ${saved} | $arc2face generate --bundle ${bundle} --cache-dir cache ${unmarked} --recipe - --out piped.png`,
			);
			expect([piped.code, await sha256('piped.png')]).toEqual([0, await sha256('one/anna-8.png')]);
		});

		test('gives way to options, and to another person', async () => {
			await paint('--recipe', saved, '--steps', '3', '--out', 'longer.png');
			await paint('--identity', identity(), '--seed', '8', '--steps', '3', '--out', 'expected.png');
			expect(await sha256('longer.png')).toBe(await sha256('expected.png'));
			const { identity: person, ...recipe } = JSON.parse(await readFile(join(folder, saved), 'utf8'));
			await writeFile(join(folder, 'nobody.json'), JSON.stringify(recipe));
			expect((await paint('--recipe', 'nobody.json')).stderr).toContain('--identity');
			await writeFile(join(folder, 'ben.json'), JSON.stringify(person));
			await paint('--recipe', 'nobody.json', '--identity', 'ben.json', '--out', 'ben.png');
			expect(await sha256('ben.png')).toBe(await sha256('one/anna-8.png'));
		});

		test('of another model is refused, of another version followed with a note', async () => {
			const recipe = JSON.parse(await readFile(join(folder, saved), 'utf8'));
			const { code, stderr } = await run('generate', '--bundle', 'tiny', ...cached(), '--recipe', saved);
			expect(code).toBe(2);
			expect(stderr).toMatch(/another model than tiny.*with another text encoder, UNet, VAE/);
			await writeFile(join(folder, 'old.json'), JSON.stringify({ ...recipe, package: '0.0.1' }));
			const old = await paint('--recipe', 'old.json', '--out', 'old.png');
			expect([old.code, old.stderr]).toEqual([0, expect.stringContaining('old.png: The recipe was made')]);
		});

		test('that is none is named, without its contents', async () => {
			for (const [content, why] of [
				['{"password": "secret"}', 'Expected 1 for `format` of the recipe but received undefined.'],
				['secret', 'it is no JSON.'],
				['["secret"]', 'but received a list.'],
			] as const) {
				await writeFile(join(folder, 'other.json'), content);
				const { code, stderr } = await paint('--recipe', 'other.json');
				expect([code, stderr]).toEqual([2, expect.stringContaining(`Expected a saved recipe in other.json: `)]);
				expect(stderr).toContain(why);
				expect(stderr).not.toContain('secret');
			}
			expect((await paint('--recipe', 'nowhere.json')).stderr).toContain('nowhere.json');
		});

		test('is not overwritten without --force', async () => {
			const again = ['--identity', identity(), '--seed', '7', '--steps', '2', '--save-recipe', '--out', 'one'];
			await rm(join(folder, 'one/anna-7.png'));
			const { code, stderr } = await paint(...again);
			expect([code, stderr]).toEqual([2, expect.stringContaining('anna-7.recipe.json exists already')]);
			expect((await paint(...again, '--force')).code).toBe(0);
			expect((await paint('--recipe', saved, '--save-recipe', '--out', '-')).stderr).toContain('--save-recipe');
		});
	});

	test('guidance in no noise level paints what guidance 1 does', async () => {
		const paint = async (out: string, ...options: string[]) => {
			const to = ['--seed', '3', '--out', out];
			expect(await run('generate', '--identity', identity(), ...model, ...to, ...options)).toMatchObject({ code: 0 });
			return await sha256(out);
		};
		const unguided = await paint('one.png', '--guidance-scale', '1');
		expect(await paint('nowhere.png', '--guidance-interval', '2,2')).toBe(unguided);
		expect(await paint('late.png', '--guidance-interval', '0,5')).not.toBe(unguided);
	});

	test('a bundle without face networks says so when asked to read a photo', async () => {
		for (const command of ['detect', 'encode']) {
			const { code, stdout, stderr } = await run(command, astronaut, '--bundle', bundle, '--json');
			expect(code).toBe(1);
			expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'INVALID_BUNDLE' } });
			expect(stderr).toContain('antelopev2');
		}
	});

	test('compare needs no model for two saved identities', async () => {
		const other = join(folder, 'other.json');
		await writeFile(other, JSON.stringify({ embedding: Array.from({ length: 512 }, (_, i) => -Math.sin(i + 1)) }));
		const { code, stdout } = await run('compare', identity(), other, '--json');
		expect(code).toBe(0);
		// float32 embeddings: each of 512 products is off by at most 2^-24 of its size.
		expect(JSON.parse(stdout).similarity).toBeCloseTo(-1, 5);
	});

	test.each([
		['not JSON', 'photo of anna', 'it is the text "photo of anna".'],
		['too short', '{"embedding": [1, 2, 3]}', 'received 3 of them.'],
	])('an identity file that is %s is named', async (_, content, problem) => {
		const file = join(folder, 'broken.json');
		await writeFile(file, content);
		const { code, stderr } = await run('compare', file, identity());
		expect(code).toBe(2);
		expect(stderr.startsWith('arc2face: Expected a saved identity in ')).toBe(true);
		expect(stderr).toContain('broken.json: ');
		expect(stderr).toContain(`${problem} Save one with`);
	});

	test('an interrupt while painting exits with 130', async () => {
		const args = ['generate', '--identity', identity(), '--bundle', bundle, '--steps', '1000', '--count', '16'];
		const { child, ended, output } = start(args);
		await until(() => output.stderr.includes(identity()) || child.exitCode !== null);
		child.kill('SIGINT');
		expect(await ended).toMatchObject({ code: 130, stdout: '' });
		expect((await readdir(folder)).filter((name) => name.endsWith('.png'))).toEqual([]);
	});
});

// A complete bundle of random networks: its detector finds nothing, so photos need keypoints.
describe('with photos', () => {
	let bundle: string;
	beforeAll(async () => {
		bundle = await mkdtemp(join(tmpdir(), 'arc2face-bundle-'));
		await writeRandomBundle(bundle, { size: 'tiny', lcmLora: true });
	});
	afterAll(() => rm(bundle, { recursive: true, force: true }));
	const keypoints = ['--keypoints', '205,115,245,112,228,140,210,165,246,162'];

	test('generate goes from a photo to a portrait, and names it after the photo', async () => {
		const { code, stdout, stderr } = await run(
			...['generate', astronaut, ...keypoints, '--bundle', bundle, '--steps', '1', '--seed', '3', '--format', 'webp'],
		);
		expect(stderr).not.toContain('arc2face:');
		expect(code).toBe(0);
		expect(stdout).toContain('astronaut-3.webp');
		expect((await readFile(join(folder, 'astronaut-3.webp'))).subarray(8, 12).toString()).toBe('WEBP');
	});

	test('generate adds LoRAs: the one of the bundle with its defaults, others with those of the model', async () => {
		const lora = join(bundle, 'lcm-lora/pytorch_lora_weights.safetensors');
		const paint = async (out: string, ...more: string[]) => {
			const usual = ['generate', astronaut, ...keypoints, '--bundle', bundle, '--seed', '3', '--out', out];
			const { code, stderr } = await run(...usual, unmarked, ...more);
			expect(code, stderr).toBe(0);
			return await readFile(join(folder, out));
		};
		const few = ['--sampler', 'lcm', '--steps', '4', '--guidance-scale', '1'];
		const lcm = await paint('lcm.png', '--lcm');
		expect(Buffer.compare(await paint('same.png', '--lora', lora, ...few), lcm)).toBe(0);
		expect(Buffer.compare(await paint('weaker.png', '--lora', `${lora}:0.5`, ...few), lcm)).not.toBe(0);
		expect(Buffer.compare(await paint('twice.png', '--lcm', '--lora', `${lora}:-0.5`), lcm)).not.toBe(0);
		expect(Buffer.compare(await paint('without.png', ...few), lcm)).not.toBe(0);

		const missing = await run('generate', astronaut, ...keypoints, '--bundle', bundle, '--lora', 'nope.safetensors:2');
		expect(missing).toMatchObject({ code: 1, stdout: '' });
		expect(missing.stderr).toContain(`${join(folder, 'nope.safetensors')} but received none: there is no such file`);
	});

	test('encode saves an identity that compare and generate read', async () => {
		expect(await run('encode', astronaut, ...keypoints, '--bundle', bundle)).toMatchObject({ code: 0 });
		const saved = JSON.parse(await readFile(join(folder, 'astronaut.json'), 'utf8'));
		const printed = await run('encode', astronaut, ...keypoints, '--bundle', bundle, '--json');
		expect(JSON.parse(printed.stdout)).toEqual({ results: [{ source: astronaut, identity: saved }], warnings: [] });
		const { stdout } = await run('compare', 'astronaut.json', 'astronaut.json');
		expect(stdout).toBe('similarity 1.000\n');
		expect((await run('encode', astronaut, ...keypoints, '--bundle', bundle)).code).toBe(2); // exists
	});

	describe.skipIf(process.platform !== 'linux')('through a provider library', () => {
		const standIn = { ARC2FACE_PROVIDER: inside('stand_in') };
		const cache = () => ['--bundle', bundle, '--cache-dir', join(folder, 'cache')];

		test('engines build builds what is missing, for people and for programs', async () => {
			const first = await start(['engines', 'build', ...cache(), '--json'], standIn).ended;
			expect(first.code).toBe(0);
			expect(first.stderr).toContain('building the engine of unet (4 of 5)');
			const { folder: engines, built } = JSON.parse(first.stdout);
			expect(engines).toBe(join(folder, 'cache/engines'));
			expect(built.map(({ network }: { network: string }) => network)).toEqual([
				...['detector', 'recognizer', 'textEncoder', 'unet', 'vaeDecoder'],
			]);
			for (const { file, bytes, seconds, product } of built) {
				expect((await stat(file)).size).toBe(bytes);
				expect(seconds).toBeGreaterThan(0);
				expect(product).toBe('stand-in');
			}
			const again = await start(['engines', 'build', ...cache()], standIn).ended;
			expect(again.stdout.match(/there already/g)).toHaveLength(5);
			const { stdout } = await run('engines', 'list', ...cache().slice(2));
			expect(stdout.match(/stand-in 1\.2\.3\.4/g)).toHaveLength(5);
		});

		test('engines build builds for each compute capability', async () => {
			const args = ['engines', 'build', '--capability', '8.9, 12.0', '--precision', 'fp32', ...cache(), '--json'];
			const { code, stdout } = await start(args, standIn).ended;
			expect(code).toBe(0);
			const { built } = JSON.parse(stdout) as { built: { gpu: string; precision: string; seconds?: number }[] };
			expect(built.map(({ gpu }) => gpu)).toEqual([...Array(5).fill('8.9'), ...Array(5).fill('12.0')]);
			expect(built.every(({ precision, seconds }) => precision === 'fp32' && seconds !== undefined)).toBe(true);
		});

		test('engines build builds for the shapes that a load will ask for', async () => {
			const shapes = ['--image-sizes', '64x96,128x128', '--batch-sizes', '4, 2,4', '--detection-size', '320'];
			const { code, stdout } = await start(['engines', 'build', ...shapes, ...cache(), '--json'], standIn).ended;
			expect(code).toBe(0);
			const { built } = JSON.parse(stdout) as { built: { network: string; file: string }[] };
			const shapesOf = async (network: string, input: string) => {
				const { file } = built.find((engine) => engine.network === network)!;
				const { fingerprint } = JSON.parse(await readFile(file.replace(/engine$/, 'json'), 'utf8'));
				return fingerprint.profiles.map((profile: Record<string, number[]>) => profile[input]);
			};
			expect(await shapesOf('detector', 'input.1')).toEqual([[1, 3, 320, 320]]);
			expect(await shapesOf('vaeDecoder', 'latents')).toEqual([
				[1, 4, 12, 8],
				[1, 4, 16, 16],
			]);
			expect(await shapesOf('unet', 'sample')).toEqual([
				[2, 4, 12, 8],
				[4, 4, 12, 8],
				[2, 4, 16, 16],
				[4, 4, 16, 16],
			]);

			const unfit = await start(['engines', 'build', '--image-sizes', '100x64', ...cache()], standIn).ended;
			expect(unfit).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('received 100×64') });
			const ahead = await start(['engines', 'build', '--image-sizes', '64x96', ...cache()], standIn).ended;
			expect(ahead.code).toBe(0);
			const paint = [
				'generate',
				astronaut,
				...keypoints,
				'--steps',
				'1',
				'--seed',
				'3',
				'--device',
				'cuda',
				...cache(),
			];
			const painted = await start([...paint, '--width', '64', '--height', '96'], standIn).ended;
			expect(painted).toMatchObject({ code: 0, stdout: expect.stringContaining('64×96') });
			expect(painted.stderr).not.toContain('building');
			// The other side is that of the bundle's images.
			const other = await start([...paint, '--force', '--width', '64'], standIn).ended;
			expect(other).toMatchObject({ code: 0, stdout: expect.stringContaining('64×128') });

			const detected = await start(['detect', astronaut, ...shapes, '--device', 'cuda', ...cache()], standIn).ended;
			expect(detected.stderr).not.toContain('building');
		});

		test('generate builds on the first use only, and shows it', async () => {
			const args = ['generate', astronaut, ...keypoints, '--steps', '1', '--seed', '3', '--device', 'cuda', ...cache()];
			const first = await start(args, standIn).ended;
			expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('astronaut-3.png') });
			expect(first.stderr).toContain('building the engine of');
			const again = await start([...args, '--force', '--width', '128', '--height', '128'], standIn).ended;
			expect(again.code).toBe(0);
			expect(again.stderr).not.toContain('building');
			const other = await start([...args, '--force', '--width', '64', '--height', '96'], standIn).ended;
			expect(other).toMatchObject({ code: 0, stdout: expect.stringContaining('64×96') });
		});

		test('what can not be used is named, and exits with 1', async () => {
			const provider = inside('other_tensorrt');
			const { code, stdout, stderr } = await start(['detect', astronaut, '--device', 'cuda', ...cache()], {
				ARC2FACE_PROVIDER: provider,
			}).ended;
			expect([code, stdout]).toEqual([1, '']);
			expect(stderr).toContain(provider);
		});
	});

	test('no face exits with 3, naming the photo', async () => {
		const detected = await run('detect', astronaut, '--bundle', bundle, '--json');
		expect(detected.code).toBe(3);
		expect(JSON.parse(detected.stdout)).toEqual({ results: [{ source: astronaut, faces: [] }], warnings: [] });
		const encoded = await run('encode', astronaut, '--bundle', bundle);
		expect(encoded.code).toBe(3);
		expect(encoded.stderr).toContain(astronaut);
		expect(encoded.stderr).toMatch(/--detection-size.*--threshold.*--keypoints/);
		expect(encoded.stderr).not.toMatch(/`(detectionSize|threshold|face)`/);
	});

	test.each([
		['that is missing', 'nobody.jpg', 'nobody.jpg'],
		['that is no image', '../README.md', 'README.md'],
		['that is a folder', '.', 'it is a folder.'],
	])('a photo %s is named, and no model is loaded for it', async (_, name, problem) => {
		const photo = name.startsWith('..') ? join(import.meta.dirname, name) : name;
		for (const [command, ...photos] of [
			['detect', photo],
			['generate', photo],
			['encode', photo],
			['compare', photo, photo],
		]) {
			const { code, stdout, stderr } = await run(command!, ...photos, '--bundle', bundle);
			expect([code, stdout]).toEqual([1, '']);
			expect(stderr).toContain("Can't read the photo");
			expect(stderr).toContain(problem);
			expect(stderr).not.toContain('loading');
		}
	});
});
