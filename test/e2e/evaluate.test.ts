// `evaluate` as a user starts it, on the embedded bundle: its report, in a real browser, and what it does with bad input and interruptions.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Features } from '../../lib/evaluation/evidence.ts';
import { figureNames, written } from '../../lib/evaluation/figure-names.ts';
import type { Report } from '../../lib/evaluation/report.ts';
import { packageRoot } from '../../lib/package.ts';
import { verifyImage } from '../../lib/provenance/verify.ts';
import { missingBrowser, openFile, startBrowser } from '../browser.ts';
import { type Ended, useProgram } from '../program.ts';

const { start } = useProgram();
const few = ['--bundle', 'tiny', '--per-identity', '2', '--steps', '2'];
/** A name that a page must not take for HTML. */
const odd = 'Anna & <b>Söhne';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const run = (...args: string[]): Promise<Ended> => start(['evaluate', ...args]).ended;
const reportOf = async (name: string): Promise<Report> => JSON.parse(await readFile(at(name, 'report.json'), 'utf8'));

async function putPeople(where: string, names: readonly string[]): Promise<void> {
	for (const [i, name] of names.entries()) {
		await mkdir(at(where, name), { recursive: true });
		for (const k of [0, 1]) {
			const photo = join(packageRoot, 'test/fixtures/faces', `person-0${i}-${k}.jpg`);
			await copyFile(photo, at(where, name, `${k}.jpg`));
		}
	}
}

let first: Ended;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'arc2face-evaluate-'));
	await putPeople('people', [odd, 'berta', 'clara']);
	await writeFile(at('people', 'berta', '2.jpg'), 'no photo');
	const grey = { create: { width: 160, height: 160, channels: 3, background: 'grey' } } as const;
	await sharp(grey)
		.jpeg()
		.toFile(at('people', 'clara', '2.jpg'));
	first = await run(at('people'), ...few, '--out', at('report'), '--json');
});
afterAll(() => rm(folder, { recursive: true }));

describe('a run', () => {
	test('prints figures and failures as JSON, and ends with the worst exit code', async () => {
		expect(first.code, first.stderr).toBe(1);
		const printed = JSON.parse(first.stdout);
		const { report, page, figures, failed, notes } = printed;
		const { default: command } = await import('../../lib/commands/evaluate.ts');
		const told = Object.keys(command.json).filter((key) => /^\w+$/.test(key) && key !== 'error');
		expect(Object.keys(printed).sort()).toEqual(told.sort());
		expect(notes).toContain('Photos that could not be used, and were left out: 2.');
		expect([report, page]).toEqual([at('report', 'report.json'), at('report', 'report.html')]);
		expect(failed).toEqual([
			{ source: 'berta/2.jpg', error: expect.objectContaining({ code: 'INVALID_IMAGE' }) },
			{ source: 'clara/2.jpg', error: expect.objectContaining({ code: 'NO_FACE' }) },
		]);
		// The bundle's own recogniser in few steps: a portrait is more like its person than like another.
		expect(figures.id.value).toBeGreaterThan(0.5);
		expect(figures.id.interval[0]).toBeLessThan(figures.id.value);
		expect(figures.id.interval[1]).toBeGreaterThan(figures.id.value);
		expect(figures.auc.value).toBeGreaterThan(0.9);
		expect(figures.fid).toMatchObject({ value: null, missing: expect.stringContaining('pull --with evaluation') });
		expect(figures).toEqual((await reportOf('report')).figures);
	});

	test('tells failures and missing networks on stderr, and writes each portrait by its seed', async () => {
		expect(first.stderr).toContain(join('berta', '2.jpg'));
		expect(first.stderr).toContain(`Found no face in the photo ${at('people', 'clara', '2.jpg')}`);
		expect(first.stderr).toContain('FID, KID, precision and recall take Inception, which is not there.');
		for (const [i, name] of [odd, 'berta', 'clara'].entries()) {
			expect((await readdir(at('report', 'portraits', name))).sort()).toEqual([
				`${1000 * i}.png`,
				`${1000 * i + 1}.png`,
			]);
		}
		const { width, height } = await sharp(at('report', 'portraits', 'berta', '1000.png')).metadata();
		expect([width, height]).toEqual([96, 96]);
	});

	test('says which files made and judged the portraits', async () => {
		const { model, protocol, photos, paper } = await reportOf('report');
		for (const digest of [model.detector, model.recogniser, photos.digest, model.weights.unet![0]]) {
			expect(digest).toMatch(/^[0-9a-f]{64}$/);
		}
		expect(model).toMatchObject({ bundle: 'tiny', device: 'cpu', provider: 'onnxruntime', precision: 'fp32' });
		expect(protocol).toMatchObject({
			perIdentity: 2,
			steps: 2,
			sampler: 'dpm++2m',
			alignment: 'both',
			comparedSide: 96,
		});
		expect(paper.conditions.find(({ what }) => what === 'Steps')).toEqual({
			...{ what: 'Steps', paper: '25', here: '2', same: false },
		});
	});

	test('has pictures of which the portraits say that they are generated, and the photos do not', async () => {
		const page = await readFile(at('report', 'report.html'), 'utf8');
		const pictures = [...page.matchAll(/<img src="data:image\/webp;base64,([^"]+)" alt="(Portrait|The photo)/g)];
		const kinds = await Promise.all(
			pictures.map(async ([, base64, kind]) => {
				const { finding } = await verifyImage(Buffer.from(base64!, 'base64'));
				return `${kind}: ${finding}`;
			}),
		);
		const { worst, best } = await reportOf('report');
		expect(kinds).toEqual([...worst, ...best].flatMap(() => ['The photo: none', 'Portrait: marked']));
		expect(kinds.length).toBeGreaterThan(0);
	});

	test('that is started again paints nothing, and comes to the same figures', async () => {
		const painted = at('report', 'portraits', 'clara', '2001.png');
		const before = await stat(painted, { bigint: true });
		const again = await run(at('people'), ...few, '--out', at('report'));
		expect(again.code, again.stderr).toBe(1);
		expect((await stat(painted, { bigint: true })).mtimeNs).toBe(before.mtimeNs);
		expect(again.stderr).toContain('All 6 portraits are there already.');
		expect(again.stderr.split('looking at the photos: 8 images')).toHaveLength(2);
		expect(again.stdout).toContain('ID: similarity to the input');
		expect(again.stdout).toContain("Not comparable with the paper's figures, because these differ: weights, steps,");
		expect(again.stderr).toContain('FID, KID, precision and recall take Inception');
		expect(again.stdout).not.toContain('Inception');
		expect(again.stdout).toContain(`The report is in ${at('report', 'report.html')}`);
		expect((await reportOf('report')).figures).toEqual(JSON.parse(first.stdout).figures);
	});

	test('in a folder of another run is refused before a model is loaded', async () => {
		const before = await readFile(at('report', 'run.json'), 'utf8');
		const { code, stderr } = await run(at('people'), ...few.with(-1, '3'), '--out', at('report'));
		expect(code).toBe(2);
		expect(stderr).toContain('holds another run: steps was 2 and is 3. Choose another folder with --out');
		expect(stderr).not.toContain('loading the model');
		expect(await readFile(at('report', 'run.json'), 'utf8')).toBe(before);
	});

	test('of people without faces ends with 3, and leaves no folder', async () => {
		for (const name of ['x', 'y']) {
			await mkdir(at('faceless', name), { recursive: true });
			await copyFile(at('people', 'clara', '2.jpg'), at('faceless', name, '1.jpg'));
		}
		const { code, stdout } = await run(at('faceless'), ...few, '--out', at('nothing'), '--json');
		expect(code).toBe(3);
		expect(JSON.parse(stdout).error.code).toBe('NO_FACE');
		await expect(stat(at('nothing'))).rejects.toThrow('ENOENT');
	});

	test('that is interrupted while it paints ends at once, and goes on later', async () => {
		await putPeople('more', ['a', 'b', 'c', 'd']);
		const args = [at('more'), '--bundle', 'tiny', '--per-identity', '4', '--steps', '10', '--out', at('stopped')];
		const { child, ended } = start(['evaluate', ...args]);
		const paintedOf = (name: string) => readdir(at('stopped', 'portraits', name)).catch(() => [] as string[]);
		while ((await paintedOf('a')).length === 0 && child.exitCode === null)
			await new Promise((done) => setTimeout(done, 20));
		child.kill('SIGINT');
		const { code, stderr } = await ended;
		const last = 'Interrupted. Run the same command again: it goes on from here.';
		expect([code, stderr.trim().split('\n').at(-1)]).toEqual([130, last]);
		await expect(stat(at('stopped', 'report.json'))).rejects.toThrow('ENOENT');
		const names = await paintedOf('a');
		expect(names.length).toBeGreaterThan(0);
		for (const name of names) expect((await sharp(at('stopped', 'portraits', 'a', name)).stats()).isOpaque).toBe(true);
		const before = await stat(at('stopped', 'portraits', 'a', names[0]!), { bigint: true });

		const resumed = await run(...args);
		expect(resumed.code, resumed.stderr).toBe(0);
		expect(resumed.stderr).toMatch(/^\d+ of 16 portraits are there already\.$/m);
		expect((await stat(at('stopped', 'portraits', 'a', names[0]!), { bigint: true })).mtimeNs).toBe(before.mtimeNs);
		expect((await reportOf('stopped')).portraits.count).toBe(16);
	});
});

describe('others', () => {
	test('portraits that others made, and another recogniser that judges', async () => {
		const judge = join(packageRoot, 'models/tiny/evaluation/evaluator.onnx');
		const given = ['--portraits', at('report', 'portraits'), '--bundle', 'tiny'];
		const { code, stderr } = await run(at('people'), ...given, '--judge', judge, '--out', at('judged'));
		expect(code, stderr).toBe(1);
		const [own, judged] = [await reportOf('report'), await reportOf('judged')];
		expect(judged.portraits).toMatchObject({ count: 6, withFace: 6 });
		expect(judged.model.judge).toMatch(/^[0-9a-f]{64}$/);
		expect(judged.figures.id.value).not.toBe(own.figures.id.value);
		expect(judged.figures.yawSpread.value).toBe(own.figures.yawSpread.value);
		expect((await readdir(at('judged'))).sort()).toEqual(['report.html', 'report.json', 'run.json']);
	});

	test('a judge that is no network is named, before anything is painted', async () => {
		const { code, stderr } = await run(
			at('people'),
			...few,
			'--judge',
			at('people', 'berta', '0.jpg'),
			'--out',
			at('unjudged'),
		);
		expect(code).toBe(1);
		expect(stderr).toContain(at('people', 'berta', '0.jpg'));
		expect(stderr).toContain('Expected an ONNX model');
		await expect(stat(at('unjudged'))).rejects.toThrow('ENOENT');
	});
});

test('a distance that takes minutes leaves the event loop free, and stops at once', async () => {
	const compiled = join(packageRoot, 'dist/lib/evaluation/threads.js');
	const { inThreads } = (await import(compiled)) as typeof import('../../lib/evaluation/threads.ts');
	const features = (images: number, shift: number): Features => ({
		person: new Int32Array(images),
		vectors: { data: Float32Array.from({ length: images * 2048 }, (_, i) => Math.sin(i * i + shift)), length: 2048 },
	});
	const stop = new AbortController();
	const task = { kind: 'frechet', photos: features(1500, 0), portraits: features(1500, 1) } as const;
	let ticks = 0;
	const ticking = setInterval(() => ticks++, 20);
	const running = inThreads([task], { signal: stop.signal });
	setTimeout(() => stop.abort(), 1000);
	await expect(running).rejects.toThrow('aborted');
	clearInterval(ticking);
	// 50 at best; a machine that is busy otherwise still gives some.
	expect(ticks).toBeGreaterThan(5);
	const few = { kind: 'frechet', photos: features(3, 0), portraits: features(3, 0) } as const;
	const [distance] = await inThreads([few], { signal: new AbortController().signal });
	expect(Math.abs(distance as number)).toBeLessThan(1e-6);
});

describe.skipIf(missingBrowser !== undefined)('the page', () => {
	let browser: Browser;
	beforeAll(async () => {
		browser = await startBrowser();
	});
	afterAll(() => browser?.close());
	const page = () => at('report', 'report.html');

	test.each([
		[1280, 'light'],
		[390, 'dark'],
	] as const)('fits %d pixels, says nothing and asks for nothing', async (width, colorScheme) => {
		const { page: opened, said, requests } = await openFile(browser, page(), { width, colorScheme });
		expect(said).toEqual([]);
		expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([opened.url()]);
		const wide = await opened.evaluate(`document.documentElement.scrollWidth`);
		expect(wide).toBe(width);
		// No table has to be scrolled, either.
		const clipped = await opened.evaluate(
			`[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length`,
		);
		expect(clipped).toBe(0);
		await opened.close();
	});

	test('has each figure with its interval beside the paper’s, in a table', async () => {
		const { figures } = await reportOf('report');
		const { page: opened } = await openFile(browser, page(), { width: 1280 });
		const table = opened.getByRole('region', { name: 'Figures' }).getByRole('table');
		expect(await table.getByRole('columnheader').allInnerTexts()).toEqual([
			'Figure',
			'This run',
			'Photos',
			'Paper, AgeDB',
		]);
		const cells = async (title: string) => {
			const row = table.getByRole('row').filter({ has: opened.getByRole('rowheader', { name: title, exact: true }) });
			return (await row.getByRole('cell').allInnerTexts()).map((text) => text.trim().split(/\s*\n\s*/));
		};
		const { value, interval, photos } = figures.id;
		const three = (number: number) => written(number, { digits: 3 });
		expect(await cells(figureNames.id.title)).toEqual([
			[three(value!), `${three(interval![0])} to ${three(interval![1])}`],
			[three(photos!)],
			['0.796'],
		]);
		expect(await cells('FID')).toEqual([['–'], [''], ['6.628']]);
		expect(await table.getByRole('rowheader').count()).toBe(Object.keys(figureNames).length);
		await opened.close();
	});

	test('describes its charts and pictures, and shows names as they are', async () => {
		const { worst, best, similarities } = await reportOf('report');
		const { page: opened } = await openFile(browser, page(), { width: 1280 });
		const charts = await opened
			.locator('svg[role=img]')
			.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
		expect(charts).toEqual([
			expect.stringContaining(`Portraits to their input: mean ${similarities!.mean.toFixed(3)}`),
			expect.stringContaining('Receiver operating characteristic'),
		]);
		const pictures = await opened.locator('img').evaluateAll((all) =>
			(all as { alt: string; naturalWidth: number; src: string }[]).map(({ alt, naturalWidth, src }) => {
				return { alt, isThere: naturalWidth > 0 && src.startsWith('data:image/webp;base64,') };
			}),
		);
		expect(pictures).toEqual(
			[...worst, ...best].flatMap(({ person, portrait, similarity }) => [
				{ alt: `The photo of ${person} that was painted from`, isThere: true },
				{ alt: `Portrait ${portrait}, similarity ${similarity.toFixed(3)}`, isThere: true },
			]),
		);
		expect(pictures.some(({ alt }) => alt.includes(odd))).toBe(true);
		expect(await opened.getByText(`${odd}/0.png`).count()).toBeGreaterThan(0);
		expect(await opened.getByText('berta/2.jpg: Can').count()).toBe(1);
		await opened.close();
	});

	test('leads to its parts by keyboard', async () => {
		const { page: opened } = await openFile(browser, page(), { width: 1280 });
		const targets = await opened
			.locator('nav a')
			.evaluateAll((all) =>
				all.map(
					(one) =>
						one.ownerDocument.getElementById(one.getAttribute('href')!.slice(1))?.querySelector('h2')?.textContent,
				),
			);
		expect(targets).toEqual(await opened.locator('nav a').allInnerTexts());
		expect(targets.length).toBeGreaterThan(5);
		await opened.keyboard.press('Tab');
		expect(await opened.evaluate(`document.activeElement.textContent`)).toBe('Figures');
		await opened.keyboard.press('Enter');
		await opened.waitForURL(/#figures$/);
		await opened.close();
	});
});
