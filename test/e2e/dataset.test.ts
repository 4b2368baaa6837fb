// `arc2face dataset` as a user has it, on the embedded bundle: the same bytes however a run went, and nothing lost or overwritten.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { readEmbeddings } from '../../lib/dataset/identities/file.ts';
import { Arc2Face, Identity, type Recipe } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { sourceTypes } from '../../lib/provenance/source-type.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { useProgram } from '../program.ts';

const folder = temporaryFolder();
const { start, run } = useProgram();

/** Most directions are nobody's, so that portraits are not alike; what matters here is which bytes come out. */
const people = ['--identities', '5', '--images', '3', '--people-per-shard', '2', '--min-similarity', '-1'];
const how = ['--steps', '2', '--contents', 'both', '--bundle', 'tiny', '--device', 'cpu'];
const command = (out: string, ...more: string[]) => ['dataset', ...people, ...how, '--out', folder.path(out), ...more];

/** Digests of all files, by their path. */
async function contentOf(path: string): Promise<Record<string, string>> {
	const entries = await readdir(path, { recursive: true, withFileTypes: true });
	const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
	const digests: Record<string, string> = {};
	for (const file of files.sort()) {
		digests[file.slice(path.length + 1)] = createHash('sha256')
			.update(await readFile(file))
			.digest('hex');
	}
	return digests;
}

async function shardsIn(out: string): Promise<string[]> {
	return (await readdir(folder.path(`${out}/shards`)).catch(() => [])).sort();
}

/** A table's rows, by column. Fields of these sets have no line ends, and quotes only around recipes. */
async function tableOf(file: string): Promise<Record<string, string>[]> {
	const [header = '', ...lines] = (await readFile(file, 'utf8')).trimEnd().split('\r\n');
	const columns = header.split(',');
	return lines.map((line) => {
		const fields = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, field]) => field!);
		return Object.fromEntries(columns.map((name, i) => [name, fields[i]!.replace(/^"|"$/g, '').replaceAll('""', '"')]));
	});
}

let whole: Record<string, string>;
beforeAll(async () => {
	const { code, stderr, stdout } = await startAlone(command('whole', '--json'));
	expect(stderr).not.toMatch(/Warning|Error/);
	expect(code).toBe(0);
	expect(JSON.parse(stdout)).toMatchObject({
		out: folder.path('whole'),
		data: folder.path('whole/data'),
		people: 5,
		tally: {
			...{ kept: 15, missing: 0, painted: 15, refused: { 'no face': 0, unlike: 0, copy: 0 } },
			...{ incomplete: 0, absent: 0 },
		},
		shards: { painted: 3, whole: 3, total: 3 },
	});
	whole = await contentOf(folder.path('whole'));
});

/** Also before the first test. */
async function startAlone(args: readonly string[]) {
	await mkdir(folder.path('.'), { recursive: true });
	const { spawn } = await import('node:child_process');
	const { program } = await import('../program.ts');
	const child = spawn(process.execPath, [program, ...args]);
	const output = { stdout: '', stderr: '' };
	child.stdout.on('data', (text) => {
		output.stdout += text;
	});
	child.stderr.on('data', (text) => {
		output.stderr += text;
	});
	return await new Promise<{ code: number | null; stdout: string; stderr: string }>((done) =>
		child.on('close', (code) => done({ code, ...output })),
	);
}

test('a set has a portrait and a crop of each image, and a row that tells how it was made', async () => {
	const data = folder.path('whole/data');
	const rows = await tableOf(join(data, 'table.csv'));
	expect(rows.map(({ person, image }) => `${person}/${image}`)).toEqual(
		[0, 1, 2, 3, 4].flatMap((person) => [0, 1, 2].map((image) => `${person}/${image}`)),
	);
	const sizes = [];
	for (const { portrait, crop } of rows) {
		for (const file of [portrait, crop]) sizes.push(await sharp(join(data, file!)).metadata());
	}
	expect(sizes.map(({ width, height }) => `${width}×${height}`)).toEqual(rows.flatMap(() => ['96×96', '112×112']));
	// Each says what it is, and by XMP alone: pixels and bytes are those of the seed.
	expect(sizes.filter(({ xmpAsString }) => !xmpAsString?.includes(sourceTypes.generated))).toEqual([]);
	expect(new Set(rows.map(({ seed }) => seed)).size).toBe(15);
	expect(new Set(rows.map(({ yaw }) => yaw)).size).toBeGreaterThan(10);
	expect(new Set(rows.map(({ expression }) => expression)).size).toBeGreaterThan(2);

	// Its recipe paints it again.
	const { run: recorded } = JSON.parse(await readFile(folder.path('whole/dataset.json'), 'utf8'));
	const identities = await readEmbeddings(folder.path('whole/identities.npy'));
	await using model = await Arc2Face.load({ bundle: 'tiny', device: 'cpu', control: true, expression: true });
	const last = rows.at(-1)!;
	const recipe: Recipe = { format: 1, package: recorded.package, model: recorded.model, ...JSON.parse(last.recipe!) };
	const identity = Identity.from(identities.data.subarray(4 * 512, 5 * 512));
	const [image] = await model.generate(identity, { recipe });
	const written = await sharp(join(data, last.portrait!)).raw().toBuffer();
	expect(Buffer.from(image.data).equals(written)).toBe(true);
	expect(createHash('sha256').update(written).digest('hex')).toBe(last.sha256);
	const shown = await model.encode(image, { detectionSize: 96 });
	expect(identity.similarity(shown)).toBeCloseTo(Number(last.similarity), 3);
});

describe('the same bytes come', () => {
	test.each([
		['one at a time', ['--batch', '1']],
		['by three at once and two models', ['--batch', '3', '--workers', '2']],
	])('%s', async (name, more) => {
		const { code, stderr } = await run(...command(name, ...more));
		expect({ code, stderr: stderr.match(/.*Warning.*/)?.[0] }).toEqual({ code: 0, stderr: undefined });
		expect(await contentOf(folder.path(name))).toEqual(whole);
	});

	test('after kill -9 at any moment', async () => {
		let kills = 0;
		for (let i = 0; i < 4; i++) {
			const { child, ended, output } = start(command('killed'));
			const begun = performance.now();
			// Twice while it begins, else while it paints.
			const isBegun = () => (i < 2 ? performance.now() - begun > 200 + 700 * i : /painting/.test(output.stderr));
			while (!isBegun() && child.exitCode === null) await sleep(10);
			await sleep(300 * Math.random());
			if (child.exitCode === null) kills++;
			child.kill('SIGKILL');
			await ended;
			const left = (await shardsIn('killed')).filter((name) => !name.startsWith('.'));
			for (const name of left) {
				const before = Object.entries(whole).filter(([file]) => file.startsWith(`shards/${name}/`));
				expect(before.length).toBeGreaterThan(0);
				const now = await contentOf(folder.path(`killed/shards/${name}`));
				expect(Object.entries(now).map(([file, digest]) => [`shards/${name}/${file}`, digest])).toEqual(before);
			}
		}
		expect(kills).toBeGreaterThan(2);
		expect((await run(...command('killed'))).code).toBe(0);
		expect(await contentOf(folder.path('killed'))).toEqual(whole);
	});

	test('from parts that are merged', async () => {
		for (const part of ['1', '2']) {
			const { code, stdout } = await run(...command(`part${part}`, '--shard', `${part}/2`));
			expect(code).toBe(0);
			expect(stdout).toMatch(part === '1' ? /2 of 3 shards are in/ : /1 of 3 shards are in/);
		}
		expect(await readdir(folder.path('part1'))).not.toContain('data');
		const merge = (...folders: string[]) =>
			run('dataset', 'merge', ...folders.map((name) => folder.path(name)), '--out', folder.path('merged'));
		const lacking = await merge('part2');
		expect(lacking).toMatchObject({
			code: 2,
			stderr: expect.stringMatching(/2 of 3 shards are missing: 0, 2 \(--shard 1\/2\)\./),
		});
		const { code, stdout } = await merge('part2', 'part1');
		expect(code).toBe(0);
		expect(stdout).toMatch(/^15 images of 5 people, from 15 that were painted/);
		expect(await contentOf(folder.path('merged'))).toEqual(whole);
	});

	test('after Ctrl-C, which leaves whole shards and nothing else', async () => {
		const { child, ended, output } = start(command('stopped', '--batch', '1'));
		while (!(await shardsIn('stopped')).includes('00000') && child.exitCode === null) await sleep(5);
		child.kill('SIGINT');
		const asked = performance.now();
		expect((await ended).code).toBe(130);
		expect(performance.now() - asked).toBeLessThan(20_000); // a step takes some 50 ms, on a busy machine more
		expect(output.stderr).toContain('Interrupted. Run the same command again: it goes on from here.');
		expect((await readdir(folder.path('stopped'))).sort()).toEqual(['dataset.json', 'identities.npy', 'shards']);
		expect((await shardsIn('stopped')).every((name) => /^\d{5}$/.test(name))).toBe(true);
		expect((await run(...command('stopped'))).code).toBe(0);
		expect(await contentOf(folder.path('stopped'))).toEqual(whole);
	});

	test('after the disk was full', async ({ skip }) => {
		const disk = folder.path('disk');
		await mkdir(disk);
		const mount = (...options: string[]) => execFileSync('mount', [...options, disk], { stdio: 'pipe' });
		try {
			mount('-t', 'tmpfs', '-o', 'size=500k', 'tmpfs');
		} catch {
			return skip('only root may mount a small disk');
		}
		try {
			const { code, stderr } = await run(...command('disk/set'));
			expect(code).toBe(1);
			expect(stderr).toMatch(
				/Could not write .*no space left on device.*Free some space and run the same command again/s,
			);
			const shards = await shardsIn('disk/set');
			expect(shards.every((name) => /^\d{5}$/.test(name))).toBe(true);
			expect(shards.length).toBeLessThan(3);
			mount('-o', 'remount,size=20m');
			expect((await run(...command('disk/set'))).code).toBe(0);
			expect(await contentOf(folder.path('disk/set'))).toEqual(whole);
		} finally {
			execFileSync('umount', [disk]);
		}
	});
});

describe('nothing is overwritten', () => {
	/** @returns what it says */
	async function refusal(args: readonly string[], out: string, code = 2): Promise<string> {
		const before = await contentOf(folder.path(out));
		const ended = await run(...args);
		expect(ended.code, ended.stderr).toBe(code);
		expect(await contentOf(folder.path(out))).toEqual(before);
		return ended.stderr;
	}

	test('by a second run of the same, which has nothing to do', async () => {
		const { code, stdout } = await run(...command('whole', '--json'));
		expect(code).toBe(0);
		expect(JSON.parse(stdout)).toMatchObject({ painted: 0, shards: { painted: 0, whole: 3 }, tally: { kept: 15 } });
		expect(await contentOf(folder.path('whole'))).toEqual(whole);
	});

	test('by a run with other options', async () => {
		expect(await refusal(command('whole', '--seed', '1'), 'whole')).toMatch(/was begun otherwise: --seed 0, not 1\./);
		expect(await refusal(command('whole', '--shard', '1/2'), 'whole')).toMatch(/otherwise: --shard none, not 1\/2\./);
		// All at once, before a model is loaded.
		const told = await refusal(command('whole', '--guidance-scale', '2', '--tries', '5', '--poses', '9,9,9'), 'whole');
		expect(told).toMatch(
			/otherwise: --tries 3, not 5; --guidance-scale 3, not 2; --poses 30,10,5, not 9,9,9\..*--out.*Nothing was changed/s,
		);
		expect(told).not.toMatch(/loading the model/);
	});

	test('by a run with a changed model', async () => {
		const source = join(packageRoot, 'models/tiny');
		const bundle = folder.path('bundle');
		await cp(source, bundle, {
			recursive: true,
			filter: (file) => !/recipe|evaluation/.test(file.slice(source.length)),
		});
		const changed = command('whole').map((word) => (word === 'tiny' ? bundle : word));
		const same = await run(...changed);
		expect(same.code).toBe(0);
		const weights = join(bundle, 'vae/diffusion_pytorch_model.safetensors');
		const bytes = await readFile(weights);
		bytes[bytes.length - 1]! ^= 1;
		await writeFile(weights, bytes);
		const told = await refusal(changed, 'whole');
		expect(told).toMatch(/begun otherwise: other weights of the VAE\./);
		expect(same.stderr).toMatch(/loading the model/);
		expect(told).not.toMatch(/loading the model/);
	});

	test('of another’s folder', async () => {
		await mkdir(folder.path('photos'));
		await writeFile(folder.path('photos/anna.jpg'), 'x');
		expect(await refusal(command('photos'), 'photos')).toMatch(/photos is neither: it holds anna.jpg/);
	});

	test('while another run works there', async () => {
		const first = start(command('busy'));
		while (!(await shardsIn('busy')).length && first.child.exitCode === null) await sleep(5);
		const second = await run(...command('busy'));
		expect(second).toMatchObject({ code: 1, stderr: expect.stringMatching(/Another run works on the data set/) });
		expect((await first.ended).code).toBe(0);
		expect(await contentOf(folder.path('busy'))).toEqual(whole);
	});
});

test('a run of whose first images none is fit is given up before anything is written', async () => {
	const few = ['dataset', '--identities', '1', '--images', '2', '--steps', '2', '--bundle', 'tiny', '--device', 'cpu'];
	const strict = ['--tries', '2', '--out', folder.path('unlike'), '--min-similarity'];
	const { code, stdout, stderr } = await run(...few, ...strict, '0.99');
	expect(code).toBe(2);
	expect(stdout).toBe('');
	expect(stderr).toMatch(
		/None of the first 4 images is fit to be kept: 4 unlike their person \(similarity at most -?0\.\d\d, not 0\.99\)\./,
	);
	expect(stderr).toMatch(/Most directions are far from all faces\. .*--from or --list.*--min-similarity/);
	expect(await readdir(folder.path('.'))).not.toContain('unlike');
	// The folder is free for what is asked for instead.
	expect((await run(...few, ...strict, '-1')).code).toBe(0);
});

test('images that are not fit are painted again', async () => {
	const rows = await tableOf(folder.path('whole/data/table.csv'));
	const similarities = rows.map(({ similarity }) => Number(similarity)).sort((a, b) => a - b);
	const least = (similarities[2]! + similarities[3]!) / 2;
	const strict = command('again', '--tries', '2', '--json').map((word) => (word === '-1' ? String(least) : word));
	const { stdout, stderr } = await run(...strict);
	const { tally } = JSON.parse(stdout);
	expect(tally).toMatchObject({ kept: 15 - tally.missing, painted: 18, refused: { unlike: 3 + tally.missing } });
	const again = (await tableOf(folder.path('again/data/table.csv'))).filter(({ attempt }) => attempt === '2');
	expect(again).toHaveLength(3 - tally.missing);
	expect(again.filter(({ similarity }) => !(Number(similarity) >= least))).toEqual([]);
	expect(stderr).toMatch(/^painting: 15 images$/m);
});

test('who lacks images is counted, and the set is made all the same', async () => {
	const rows = await tableOf(folder.path('whole/data/table.csv'));
	const similarities = rows.map(({ similarity }) => Number(similarity)).sort((a, b) => a - b);
	// In the widest gap, which rounding does not close.
	const gaps = similarities.slice(1).map((similarity, i) => similarity - similarities[i]!);
	const at = gaps.indexOf(Math.max(...gaps));
	const least = (similarities[at]! + similarities[at + 1]!) / 2;
	const strict = command('lacking', '--tries', '1', '--json').map((word) => (word === '-1' ? String(least) : word));
	const { code, stdout, stderr } = await run(...strict);
	const kept = rows.filter(({ similarity }) => Number(similarity) >= least);
	const each = [0, 1, 2, 3, 4].map((person) => kept.filter((row) => row.person === String(person)).length);
	expect(kept.length).toBeLessThan(15);
	expect(JSON.parse(stdout).tally).toEqual({
		...{ kept: kept.length, missing: 15 - kept.length, painted: 15 },
		refused: { 'no face': 0, unlike: 15 - kept.length, copy: 0 },
		incomplete: each.filter((images) => images < 3).length,
		absent: each.filter((images) => images === 0).length,
	});
	expect(stderr).toMatch(new RegExp(`^Not complete: ${15 - kept.length} images are missing\\.`, 'm'));
	expect(code).toBe(0);
});

test.each([
	['webdataset', /\.tar$/],
	['recordio', /^train\.(rec|idx)$/],
])('as %s', async (format, names) => {
	const few = ['dataset', '--identities', '2', '--images', '1', '--steps', '2', '--min-similarity', '-1', '--sphere'];
	const out = folder.path(format);
	const { code } = await run(
		...few,
		'--bundle',
		'tiny',
		'--device',
		'cpu',
		'--format',
		format,
		'--image-format',
		'jpg',
		'--out',
		out,
	);
	expect(code).toBe(0);
	expect((await readdir(join(out, 'data'))).filter((name) => names.test(name)).length).toBeGreaterThan(0);
	const rows = await tableOf(join(out, 'data/table.csv'));
	expect(rows).toHaveLength(2);
	expect(rows.map(({ record }) => record)).toEqual(format === 'recordio' ? ['1', '2'] : [undefined, undefined]);
	await rm(out, { recursive: true });
});
