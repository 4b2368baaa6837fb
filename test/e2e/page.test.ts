// The page of a server, in a real browser: what each control does, whom it keeps out, how large it is.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Arc2Face } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { portraitApp } from '../../lib/server/app.ts';
import { portraitServer } from '../../lib/server/index.ts';
import { Reception } from '../../lib/server/reception.ts';
import { missingBrowser, startBrowser } from '../browser.ts';

const folder = join(packageRoot, 'lib/server/page');
const photo = join(packageRoot, 'test/fixtures/faces/person-06-0.jpg');
const other = join(packageRoot, 'test/fixtures/faces/person-12-0.jpg');
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

test('the whole page has less than 150 KB', () => {
	const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
	expect(sizes.length).toBeGreaterThan(5);
	expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(150_000);
});

test('nothing of it is of another host', () => {
	const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
	const elsewhere = texts.flatMap((text) => text.match(/https?:\/\/[^\s"']+/g) ?? []);
	expect(elsewhere.filter((url) => !url.startsWith('http://www.w3.org/'))).toEqual([]);
});

describe.skipIf(missingBrowser !== undefined)('in a browser', () => {
	let model: Arc2Face;
	let app: FastifyInstance;
	let url: string;
	let browser: Browser;
	beforeAll(async () => {
		const features = { edit: true, control: true, expression: true, reference: true };
		model = await Arc2Face.load({ bundle: 'tiny', ...features });
		app = fastify({ forceCloseConnections: true });
		await app.register(portraitServer, { model });
		url = await app.listen({ port: 0, host: '127.0.0.1' });
		browser = await startBrowser();
	});
	afterAll(async () => {
		await browser.close();
		await app.close();
		await model.dispose();
	});

	/** What the page said that it should not have. */
	const said: string[] = [];
	async function open(how: BrowserContextOptions = {}, address = url): Promise<Page> {
		said.length = 0;
		const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...how });
		const page = await context.newPage();
		page.on('console', (message) => message.type() === 'error' && said.push(message.text()));
		page.on('pageerror', (error) => said.push(error.message));
		await page.goto(`${address}/`);
		return page;
	}
	async function take(
		page: Page,
		file: string | { name: string; mimeType: string; buffer: Buffer } = photo,
		place = 0,
	) {
		await page.locator('#people input[type=file]').nth(place).setInputFiles(file);
		await page.locator('.person .face[aria-pressed=true]').nth(place).waitFor();
	}
	/** Two steps, so many portraits. */
	async function set(page: Page, { count = 1, steps = 2 } = {}) {
		await page.getByText('More', { exact: true }).click();
		await page.getByLabel('Steps', { exact: true }).fill(String(steps));
		await page.getByRole('slider', { name: 'Portraits', exact: true }).fill(String(count));
	}
	const painted = (page: Page) => page.locator('.portrait:not(.painting)');
	/** Paints, and gives the body of the request. */
	async function paint(page: Page, count = 1) {
		const before = await painted(page).count();
		const [request] = await Promise.all([
			page.waitForRequest(/portraits$/),
			page.getByRole('button', { name: 'Paint', exact: true }).click(),
		]);
		await expect.poll(() => painted(page).count(), { timeout: 60_000 }).toBe(before + count);
		await page.getByRole('button', { name: 'Paint', exact: true, disabled: false }).waitFor();
		return request.postDataJSON();
	}

	test('a photo, a press, and there are portraits, in steps and previews', async () => {
		const page = await open();
		expect(await page.getByRole('button', { name: 'Paint', exact: true }).isDisabled()).toBe(true);
		await take(page);
		await set(page, { count: 2, steps: 30 });
		const previews = page.locator('.painting img');
		const seen = previews.first().waitFor({ timeout: 60_000 });
		const body = await paint(page, 2);
		await seen;
		expect(body).toMatchObject({ count: 2, steps: 30, format: 'png', seed: expect.any(Number) });
		expect(await page.locator('#status').textContent()).toBe('2 portraits are finished.');
		const sizes = await page.evaluate<number[]>(
			"[...document.querySelectorAll('.portrait:not(.painting) img')].map((image) => image.naturalWidth)",
		);
		expect(sizes).toEqual([96, 96]);
		expect(said).toEqual([]);
		await page.context().close();
	});

	test('painting can be cancelled', async () => {
		const page = await open();
		await take(page);
		await set(page, { steps: 100, count: 12 });
		await page.getByRole('button', { name: 'Paint', exact: true }).click();
		await page.getByRole('button', { name: 'Cancel' }).click();
		await page.getByText('Cancelled.').waitFor();
		expect(await page.locator('.painting').count()).toBe(0);
		await page.getByRole('button', { name: 'Paint', exact: true, disabled: false }).waitFor();
		await page.context().close();
	});

	test('of several faces one is chosen', async () => {
		const [left, right] = await Promise.all(
			[photo, other].map((file) => sharp(file).resize(300, 300, { fit: 'cover' }).toBuffer()),
		);
		const both = await sharp({ create: { width: 600, height: 300, channels: 3, background: 'grey' } })
			.composite([{ input: left!, left: 0, top: 0 }, { input: right!, left: 300, top: 0 }]) // biome-ignore format: one line
			.png()
			.toBuffer();
		const page = await open();
		await take(page, { name: 'both.png', mimeType: 'image/png', buffer: both });
		await page.getByText('2 faces: choose').waitFor();
		const faces = page.getByRole('button', { name: /^Face \d of 2$/ });
		const unchosen = page.locator('.face[aria-pressed=false]');
		const name = (await unchosen.getAttribute('aria-label'))!;
		await unchosen.click();
		await page.locator(`.face[aria-pressed=true][aria-label="${name}"]`).waitFor();
		expect(await faces.count()).toBe(2);
		await set(page);
		const { identity } = await paint(page);
		const [of6, of12] = await Promise.all([photo, other].map((file) => model.encode(file)));
		const likeness = [of6!, of12!].map((one) => one.similarity(identity)).sort();
		expect(likeness[1]! - likeness[0]!).toBeGreaterThan(0.3);
		await page.context().close();
	});

	test('seed, dice, lock, quality, guidance and format go into the request', async () => {
		const page = await open();
		await take(page);
		const seed = page.getByLabel('Seed', { exact: true });
		const first = await seed.inputValue();
		await page.getByRole('button', { name: 'Roll a new seed' }).click();
		expect(await seed.inputValue()).not.toBe(first);
		await page.getByLabel('Quality').selectOption('draft');
		await set(page);
		await page.getByLabel('Guidance').fill('2.5');
		await page.getByLabel('File', { exact: true }).selectOption('webp');
		await seed.fill('42');
		await page.getByRole('button', { name: 'Keep the seed' }).click();
		expect(await paint(page)).toMatchObject({
			seed: 42,
			preset: 'draft',
			steps: 2,
			guidanceScale: 2.5,
			format: 'webp',
		});
		expect(await seed.inputValue()).toBe('42');
		await page.getByRole('button', { name: 'Keep the seed' }).click();
		await paint(page);
		expect(await seed.inputValue()).not.toBe('42');
		await page.context().close();
	});

	test('expression, pose, reference and a photo to begin as go into the request, where the model has them', async () => {
		const page = await open();
		await take(page);
		await set(page, { steps: 4 });
		await page.getByLabel('Expression', { exact: true }).selectOption(model.info.expressions[0]!);
		await page.getByLabel('Strength of the expression').fill('1.5');
		await page.getByText('Pose', { exact: true }).click();
		await page.getByLabel('Turn', { exact: true }).fill('30');
		await page.getByLabel('Look of another photo').setInputFiles(other);
		await page.getByLabel('Begin as a photo').setInputFiles(other);
		await page.getByLabel('How much is painted over').fill('50');
		expect(await paint(page)).toMatchObject({
			...{ expression: model.info.expressions[0], expressionScale: 1.5, strength: 0.5 },
			control: { pose: { yaw: 30, pitch: 0, roll: 0 } },
			...{ reference: { photo: expect.stringMatching(/^data:/) }, image: expect.stringMatching(/^data:image\/png/) },
		});
		await page.context().close();
	});

	test('two people are blended', async () => {
		const page = await open();
		await take(page);
		await page.getByRole('button', { name: 'Blend with a second person' }).click();
		await take(page, other, 0).catch(() => {});
		await page.locator('.person').nth(1).locator('.face[aria-pressed=true]').waitFor();
		await page.getByLabel('Between the two').fill('25');
		await set(page);
		const { identity } = await paint(page);
		const [a, b] = await Promise.all([photo, other].map((file) => model.encode(file)));
		const { Identity } = await import('../../lib/index.ts');
		expect(Identity.slerp(a!, b!, 0.25).similarity(identity)).toBeGreaterThan(0.9999);
		await page.getByRole('button', { name: 'Remove the second person' }).click();
		expect(await page.locator('.person').count()).toBe(1);
		await page.context().close();
	});

	test('a portrait is looked at, downloaded, with its recipe, and used again', async () => {
		const page = await open();
		await take(page);
		await set(page);
		await page.getByLabel('Quality').selectOption('draft');
		await page.getByLabel('Steps', { exact: true }).fill('2');
		const { identity: _identity, ...asked } = await paint(page);
		const { seed } = asked;
		await page.getByRole('button', { name: 'look at it' }).click();
		const dialog = page.getByRole('dialog');
		await dialog.getByText(/^-?0\.\d\d to the person$|^no face/).waitFor();
		const download = async (name: string) => {
			const [file] = await Promise.all([
				page.waitForEvent('download'),
				dialog.getByRole('button', { name, exact: true }).click(),
			]);
			return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
		};
		const image = await download('Download');
		expect(image.name).toBe(`portrait-${seed}.png`);
		expect((await sharp(image.bytes).metadata()).width).toBe(96);
		const recipe = await download('Recipe');
		expect(recipe.name).toBe(`portrait-${seed}.recipe.json`);
		const [again] = await model.generate({ recipe: JSON.parse(String(recipe.bytes)) });
		expect(
			await sharp(await again.toBuffer())
				.raw()
				.toBuffer(),
		).toEqual(await sharp(image.bytes).raw().toBuffer());
		// Other options, until those of the portrait are asked for.
		await page.keyboard.press('Escape');
		await page.getByLabel('Quality').selectOption('best');
		await page.getByLabel('Expression', { exact: true }).selectOption(model.info.expressions[0]!);
		await page.getByRole('button', { name: 'look at it' }).click();
		await dialog.getByRole('button', { name: 'Use seed and options' }).click();
		expect(await paint(page)).toMatchObject(asked);
		await page.getByRole('button', { name: 'look at it' }).first().click();
		await page.keyboard.press('ArrowRight');
		expect(await dialog.getByRole('button', { name: 'The next portrait' }).isDisabled()).toBe(true);
		await page.context().close();
	});

	test('history stays in the browser until it is deleted', async () => {
		const page = await open();
		await take(page);
		await set(page, { count: 3 });
		await paint(page, 3);
		await page.reload();
		await expect.poll(() => painted(page).count()).toBe(3);
		await page
			.getByRole('button', { name: /^Delete portrait/ })
			.first()
			.click();
		await expect.poll(() => painted(page).count()).toBe(2);
		await page.reload();
		await expect.poll(() => painted(page).count()).toBe(2);
		await page.getByRole('button', { name: 'Delete all' }).click();
		await page.locator('#welcome').waitFor();
		await page.reload();
		await page.locator('#welcome').waitFor();
		expect(await painted(page).count()).toBe(0);
		await page.context().close();
	});

	test('likeness of a photo to a portrait, and to a file', async () => {
		const page = await open();
		await take(page);
		// In so many steps there is a face.
		await set(page, { steps: 10 });
		await page.getByLabel('Seed', { exact: true }).fill('42');
		await paint(page);
		await page.getByRole('button', { name: 'Compare likeness' }).click();
		const [one, another] = ['One picture', 'Another'].map((name) => page.getByRole('group', { name, exact: true }));
		expect(await one!.getByRole('radio', { name: 'Photo of the person' }).isChecked()).toBe(true);
		expect(await another!.getByRole('radio', { name: 'Portrait 42' }).isChecked()).toBe(true);
		const likeness = page.getByRole('status').locator('strong');
		const person = await model.encode(photo);
		const [portrait] = await model.generate(person, { seed: 42, steps: 10 });
		const expected = person.similarity(await model.encode(await portrait!.toBuffer()));
		await expect.poll(() => likeness.textContent()).toBe(expected.toFixed(2));
		await another!.getByLabel('Another: a file').setInputFiles(photo);
		await expect.poll(() => likeness.textContent()).toBe('1.00');
		await one!.getByLabel('One picture: a file').setInputFiles(other);
		await expect.poll(() => likeness.textContent()).not.toBe('1.00');
		await page.context().close();
	});

	test('a photo by the camera', async () => {
		const camera = await startBrowser(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']);
		const page = await (await camera.newContext()).newPage();
		await page.goto(`${url}/`);
		await page.getByRole('button', { name: 'Camera' }).click();
		await page.getByRole('button', { name: 'Take the photo', disabled: false }).click();
		// The pretended camera shows nobody.
		await page
			.getByRole('alert')
			.getByText(/no face/i)
			.waitFor();
		await page.getByRole('button', { name: 'Choose a photo' }).waitFor();
		await camera.close();
	});

	test('a photo that is dropped or pasted is taken, one without a face is refused in words', async () => {
		const page = await open();
		const bytes = [...(await readFile(photo))];
		const give = async (event: 'drop' | 'paste') =>
			await page.evaluate(`{
				const transfer = new DataTransfer();
				transfer.items.add(new File([Uint8Array.from(${JSON.stringify(bytes)})], 'photo.jpg', { type: 'image/jpeg' }));
				const how = { bubbles: true, cancelable: true };
				const made = ${event === 'drop'}
					? new DragEvent('drop', { dataTransfer: transfer, ...how })
					: new ClipboardEvent('paste', { clipboardData: transfer, ...how });
				document.querySelector('.drop').dispatchEvent(made);
			}`);
		for (const event of ['drop', 'paste'] as const) {
			await page.locator('.drop').waitFor();
			await give(event);
			await page.locator('.face[aria-pressed=true]').waitFor();
			await page.getByRole('button', { name: 'Take another photo' }).click();
		}
		const blank = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'grey' } })
			.png()
			.toBuffer();
		await page
			.locator('#people input[type=file]')
			.setInputFiles({ name: 'blank.png', mimeType: 'image/png', buffer: blank });
		await page
			.getByRole('alert')
			.getByText(/no face/i)
			.waitFor();
		await page.context().close();
	});

	test('light and dark: as the system has it, and as the reader chooses, for good', async () => {
		const page = await open({ colorScheme: 'dark' });
		const background = () => page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
		const dark = await background();
		await page.getByRole('button', { name: 'Dark colours' }).click();
		const light = await background();
		expect(light).not.toBe(dark);
		await page.reload();
		expect(await background()).toBe(light);
		await page.context().close();
	});

	test('a server with keys asks for one, and takes it', async () => {
		const key = 'k'.repeat(40);
		const reception = await Reception.open({ apiKeys: `anna:${key}` });
		const guarded = await portraitApp({ model, reception });
		const page = await open({}, await guarded.listen({ port: 0, host: '127.0.0.1' }));
		await page.getByLabel('API key').fill(key);
		await page.getByRole('button', { name: 'Use it' }).click();
		await take(page);
		await page.context().close();
		await guarded.close();
		reception.close();
	});

	test.each([
		[1280, 'light'],
		[1280, 'dark'],
		[390, 'light'],
		[390, 'dark'],
	] as const)('axe finds nothing serious at %i pixels, %s, and nothing is cut off', async (width, colorScheme) => {
		const page = await open({ viewport: { width, height: 850 }, colorScheme, bypassCSP: true });
		type Found = { violations: { id: string; impact: string; nodes: { html: string }[] }[] };
		const serious = async () => {
			await page.evaluate(axe);
			const { violations } = (await page.evaluate('axe.run()')) as Found;
			const bad = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
			return bad.map(({ id, nodes }) => [id, nodes[0]?.html]);
		};
		await page.getByRole('button', { name: 'Choose a photo' }).waitFor();
		expect(await serious()).toEqual([]);
		await take(page);
		await set(page, { count: 2 });
		await page.getByText('Pose', { exact: true }).click();
		await paint(page, 2);
		expect(await serious()).toEqual([]);
		const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
		expect(overflow).toBeLessThanOrEqual(0);
		await page.getByRole('button', { name: 'look at it' }).first().click();
		expect(await serious()).toEqual([]);
		await page.getByRole('dialog').getByRole('button', { name: 'Compare' }).click();
		await page.getByRole('group', { name: 'Another' }).waitFor();
		expect(await serious()).toEqual([]);
		await page.context().close();
	});

	test('all of it can be done by keyboard', async () => {
		const page = await open();
		await take(page);
		await set(page);
		await page.getByLabel('Seed', { exact: true }).focus();
		await page.keyboard.press('Enter'); // submits the form, as Paint does
		await expect.poll(() => painted(page).count(), { timeout: 60_000 }).toBeGreaterThan(0);
		await page.getByRole('button', { name: 'look at it' }).first().focus();
		await page.keyboard.press('Enter');
		await page.getByRole('dialog').waitFor();
		await page.keyboard.press('Escape');
		expect(await page.getByRole('dialog').count()).toBe(0);
		await page.context().close();
	});
});

test('its policy lets nothing else in, and a page that is known is not sent again', async () => {
	const app = fastify();
	await app.register(portraitServer, { prefix: '/faces' });
	const page = await app.inject('/faces/');
	expect(page.headers).toMatchObject({
		'content-type': 'text/html; charset=utf-8',
		'content-security-policy': expect.stringContaining("default-src 'none'"),
	});
	expect(page.headers['content-security-policy']).not.toContain('unsafe');
	const again = await app.inject({ url: '/faces/', headers: { 'if-none-match': page.headers.etag as string } });
	expect([again.statusCode, again.body]).toEqual([304, '']);
	expect((await app.inject('/faces/page/main.js')).headers['content-type']).toBe('text/javascript; charset=utf-8');
	expect((await app.inject('/faces/page/..%2f..%2fplugin.ts')).statusCode).toBe(404);
	await app.close();
});
