// What the page says and asks when a server does not simply paint: its answers are made up here.
import fastify, { type FastifyInstance } from 'fastify';
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageRoutes } from '../../lib/server/routes/page.ts';
import { missingBrowser, startBrowser } from '../browser.ts';

const model = {
	...{ device: 'cpu', bundle: 'arc2face', imageSize: { width: 512, height: 512 }, features: [], expressions: [] },
	presets: { standard: { sampler: 'dpm++2m', steps: 25, guidanceScale: 3 } },
	...{ defaults: { steps: 25, guidanceScale: 3 }, limits: { images: 64 } },
	warnings: [{ code: 'EMBEDDED_BUNDLE', message: 'It paints drawings.' }],
};
const box = { x: 0, y: 0, width: 1, height: 1 };
const someone = {
	identity: { embedding: Array.from({ length: 512 }, (_, i) => (i === 0 ? 1 : 0)) },
	...{ face: { box, index: 0 }, faces: [{ box }], warnings: [{ code: 'SMALL_FACE', message: 'The face is 1 × 1.' }] },
};
// One grey pixel.
const photo = {
	...{ name: 'photo.gif', mimeType: 'image/gif' },
	buffer: Buffer.from('R0lGODlhAQABAIAAAICAgAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64'),
};

const events = (...told: [event: string, data: unknown][]) =>
	told.map(([event, data]) => `event: ${event}\r\ndata: ${JSON.stringify(data)}\r\n\r\n`).join(':\r\n\r\n');
const image = (seed: number) => ({
	...{ index: 0, seed, mediaType: 'image/gif', data: photo.buffer.toString('base64'), warnings: [] },
	recipe: { options: { sampler: 'dpm++2m', steps: 25, guidanceScale: 3, width: 1, height: 1 } },
});
const refusal = (status: number, problem: object, headers = {}) => ({
	...{ status, headers, contentType: 'application/problem+json', body: JSON.stringify(problem) },
});

describe.skipIf(missingBrowser !== undefined)('the page', () => {
	let app: FastifyInstance;
	let browser: Browser;
	let url: string;
	beforeAll(async () => {
		app = fastify();
		pageRoutes(app);
		url = await app.listen({ port: 0, host: '127.0.0.1' });
		browser = await startBrowser();
	});
	afterAll(async () => {
		await browser.close();
		await app.close();
	});

	type Answer = Parameters<Route['fulfill']>[0] | 'nothing';
	/** Opens it over a server that answers so; the last answer is given again. */
	async function open(answers: { models?: Answer[]; identities?: Answer[]; portraits?: Answer[] }): Promise<Page> {
		const page = await browser.newPage();
		const usual = { models: [{ json: { models: [model] } }], identities: [{ json: someone }] };
		for (const [path, given] of Object.entries({ ...usual, ...answers })) {
			const left = [...given];
			await page.route(`**/v1/${path}`, async (route) => {
				const answer = left.length > 1 ? left.shift()! : left[0]!;
				await (answer === 'nothing' ? route.abort() : route.fulfill(answer));
			});
		}
		await page.goto(url);
		return page;
	}
	const take = async (page: Page) => {
		await page.locator('#people input[type=file]').setInputFiles(photo);
		await page.locator('.face').waitFor();
	};
	const paint = (page: Page) => page.getByRole('button', { name: 'Paint', exact: true }).click();
	const stream = (...told: Parameters<typeof events>) => ({ contentType: 'text/event-stream', body: events(...told) });

	test('waits for a model that is being loaded, then tells of it and what to mind', async () => {
		const loading = refusal(503, { detail: 'The model is being loaded.' }, { 'retry-after': '1' });
		const page = await open({ models: [loading, { json: { models: [model] } }] });
		await page.getByRole('status').getByText('The model is being loaded.').waitFor();
		await page.getByText('arc2face on the processor, 512 × 512 pixels').waitFor();
		await page.getByText('The model of this server knows drawn people only.').waitFor();
		expect(await page.locator('#status').textContent()).toBe('');
		expect(await page.getByText('Expression').count()).toBe(0);
		await page.close();
	});

	test('tells what is doubtful of a photo', async () => {
		const page = await open({});
		await take(page);
		await page.getByText('The face is small').waitFor();
		await page.close();
	});

	test('asks for purpose and subject where the server wants consent, and sends them', async () => {
		const problem = {
			code: 'INVALID_ARGUMENT',
			detail: 'Expected what the images are for.',
			details: { option: 'purpose' },
		};
		const page = await open({
			portraits: [refusal(400, problem), stream(['image', image(7)], ['done', { images: 1 }])],
		});
		await take(page);
		const purpose = page.getByLabel('What the portraits are for');
		expect(await purpose.isVisible()).toBe(false);
		await paint(page);
		await page.getByRole('alert').getByText('Expected what the images are for.').waitFor();
		await purpose.fill('a campaign');
		await page.getByLabel('The person’s reference').fill('customer 7');
		const asked = page.waitForRequest('**/v1/portraits');
		await paint(page);
		expect((await asked).postDataJSON()).toMatchObject({ purpose: 'a campaign', subject: 'customer 7' });
		await page.getByText('A portrait is finished.').waitFor();
		expect(await page.getByRole('alert').count()).toBe(0);
		await page.close();
	});

	test('tells problem and remedy, also those that come amid the portraits, and keeps what is finished', async () => {
		const busy = { code: 'BUSY', detail: 'There is much to do.', remedy: 'Come again soon.', requestId: 'r1' };
		const lost = { code: 'DEVICE_LOST', detail: 'The GPU has failed.', remedy: 'Start the server again.' };
		const page = await open({
			portraits: [refusal(429, busy, { 'retry-after': '3' }), stream(['image', image(7)], ['problem', lost])],
		});
		await take(page);
		await paint(page);
		const alert = page.getByRole('alert');
		await alert.getByText('There is much to do.').waitFor();
		expect(await alert.innerText()).toMatch(/Come again soon\.\s+BUSY, request r1/);
		await paint(page);
		await alert.getByText('The GPU has failed.').waitFor();
		await alert.getByText('Start the server again.').waitFor();
		expect(await page.locator('.portrait').count()).toBe(1);
		expect(await page.locator('.painting').count()).toBe(0);
		await page.close();
	});

	test('shows problems where the reader is, also at the end of a long form', async () => {
		const page = await open({ portraits: [refusal(429, { code: 'BUSY', detail: 'There is much to do.' })] });
		await take(page);
		await page.getByText('More', { exact: true }).click();
		for (const [width, height] of [
			[1280, 420],
			[390, 600],
		] as const) {
			await page.setViewportSize({ width, height });
			await page.evaluate('scrollTo(0, document.body.scrollHeight)');
			await paint(page);
			const alert = page.getByRole('alert').getByText('There is much to do.');
			await alert.waitFor();
			const { y } = (await alert.boundingBox())!;
			expect(y, `${width} pixels wide`).toBeGreaterThanOrEqual(0);
			expect(y, `${width} pixels wide`).toBeLessThan(height);
		}
		await page.close();
	});

	test('says of a photo what people can do about it', async () => {
		const page = await open({
			identities: [refusal(422, { code: 'NO_FACE', detail: 'No face.', remedy: 'Lower `threshold`.' })],
		});
		await page.locator('#people input[type=file]').setInputFiles(photo);
		const alert = page.getByRole('alert');
		await alert.getByText('No face was found in this photo.').waitFor();
		expect(await alert.innerText()).not.toContain('threshold');
		await page.close();
	});

	test('asks for a key, ready to be typed', async () => {
		const refused = refusal(401, { code: 'UNAUTHORIZED', detail: 'Expected an API key but received none.' });
		const page = await open({ models: [refused, { json: { models: [model] } }] });
		await page.getByRole('dialog').getByText('Ask whoever runs this server for one.').waitFor();
		expect(await page.evaluate('document.activeElement.id')).toBe('key-input');
		const asked = page.waitForRequest('**/v1/models');
		await page.keyboard.type('secret');
		await page.keyboard.press('Enter');
		expect((await asked).headers().authorization).toBe('Bearer secret');
		await page.getByText('arc2face on the processor').waitFor();
		await page.close();
	});

	test('tells that a server does not answer, or stops amid an answer', async () => {
		const page = await open({ portraits: ['nothing', stream(['step', { step: 1, steps: 2, round: 1 }])] });
		await take(page);
		for (const _ of ['at all', 'to its end']) {
			await paint(page);
			await page.getByRole('alert').getByText('The server does not answer.').waitFor();
			await page.getByRole('button', { name: 'Paint', exact: true, disabled: false }).waitFor();
		}
		await page.close();
	});

	test('a photo that is dropped anywhere while another is read takes its place', async () => {
		const two = { ...someone, faces: [{ box }, { box: { ...box, x: 0.5 } }], warnings: [] };
		const page = await open({});
		let free = () => {};
		const held = new Promise<void>((done) => {
			free = done;
		});
		let calls = 0;
		await page.route('**/v1/identities', async (route) => {
			calls++;
			if (calls === 2) await held;
			const index = calls === 3 ? 1 : 0;
			await route.fulfill({ json: { ...two, face: { box, index } } }).catch(() => {}); // given up by the page
		});
		await page.locator('#people input[type=file]').setInputFiles(photo);
		await page.getByText('2 faces').waitFor();
		await page.getByRole('button', { name: 'Face 2 of 2' }).dispatchEvent('click');
		await page.getByText('Looking for faces').waitFor();
		await page.evaluate(`{
			const transfer = new DataTransfer();
			transfer.items.add(new File([Uint8Array.from(${JSON.stringify([...photo.buffer])})], 'a.gif', { type: 'image/gif' }));
			document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
		}`);
		await page.locator('.face[aria-label="Face 2 of 2"][aria-pressed=true]').waitFor();
		free();
		await page.getByRole('button', { name: 'Paint', exact: true, disabled: false }).waitFor();
		expect(await page.getByRole('alert').count()).toBe(0);
		expect(await page.locator('.photo').count()).toBe(1);
		await page.close();
	});
});
