// The server over the embedded bundle: every form of body and answer, clients that leave, apps around it.
import { readFile } from 'node:fs/promises';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Arc2Face, Identity, type IdentityJson, verifyImage } from '../../lib/index.ts';
import { packageRoot } from '../../lib/package.ts';
import { type Painter, portraitHandler, portraitServer } from '../../lib/server/index.ts';
import { collect } from '../collect.ts';

const photo = await readFile(join(packageRoot, 'test/fixtures/faces/person-06-0.jpg'));
const base64 = photo.toString('base64');

let model: Arc2Face;
let app: FastifyInstance;
let url: string;
beforeAll(async () => {
	model = await Arc2Face.load({ bundle: 'tiny' });
	// Answers to bodies that were not read to their end leave connections open.
	app = fastify({ forceCloseConnections: true });
	await app.register(portraitServer, { model, limits: { images: 8, photoPixels: 1_000_000, bodyBytes: 2_000_000 } });
	url = await app.listen({ port: 0 });
});
afterAll(async () => {
	await app.close();
	await model.dispose();
});

const json = (body: unknown, headers: Record<string, string> = {}) => ({
	...{ method: 'POST', body: JSON.stringify(body) },
	headers: { 'content-type': 'application/json', ...headers },
});
const post = (path: string, body: unknown, headers?: Record<string, string>) => fetch(url + path, json(body, headers));
type Answer = {
	images: { index: number; seed: number; data: string; width: number; height: number; mediaType: string }[];
};
const portraits = async (body: unknown): Promise<Answer> => {
	const response = await post('/v1/portraits', body);
	expect(response.status).toBe(200);
	return (await response.json()) as Answer;
};

/** A form with the photo and these fields. */
function form(fields: Record<string, string>, file: Uint8Array = photo): FormData {
	const made = new FormData();
	for (const [name, value] of Object.entries(fields)) made.set(name, value);
	made.set('photo', new Blob([Uint8Array.from(file)], { type: 'image/jpeg' }), 'photo.jpg');
	return made;
}

/** The events of an answer. */
async function* eventsOf(response: Response): AsyncGenerator<{ event: string; data: Record<string, unknown> }> {
	let text = '';
	for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
		text += chunk;
		const blocks = text.split('\n\n');
		text = blocks.pop() ?? '';
		for (const block of blocks) {
			const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
			if (event !== undefined) yield { event, data: JSON.parse(data!) };
		}
	}
}

/** What a refusal says. */
async function problem(response: Response) {
	expect(response.headers.get('content-type')).toContain('application/problem+json');
	const body = (await response.json()) as { status: number; code: string; details?: { option?: string } };
	expect(body.status).toBe(response.status);
	return { status: body.status, code: body.code, option: body.details?.option };
}

describe('identities', () => {
	test('are those of encode, by a photo in JSON, in a form, and alone', async () => {
		const { embedding } = await model.encode(photo);
		const answers = await Promise.all([
			post('/v1/identities', { photo: base64 }),
			post('/v1/identities', { photo: `data:image/jpeg;base64,${base64}` }),
			fetch(`${url}/v1/identities`, { method: 'POST', body: form({ face: 'largest' }) }),
			fetch(`${url}/v1/identities`, { method: 'POST', body: photo, headers: { 'content-type': 'image/jpeg' } }),
		]);
		for (const answer of answers) {
			expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
			const { identity, face, faces } = (await answer.json()) as {
				identity: IdentityJson;
				face: object;
				faces: object[];
			};
			expect(Identity.from(identity).embedding).toEqual(embedding);
			expect(faces).toEqual([expect.objectContaining({ score: expect.any(Number) })]);
			expect(face).toMatchObject({ index: 0, count: 1 });
		}
	});

	test('a photo without a face, and a file that is no photo, are told as what they are', async () => {
		const blank = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'grey' } })
			.png()
			.toBuffer();
		const send = async (body: Buffer) => {
			const response = await fetch(`${url}/v1/identities`, {
				method: 'POST',
				body,
				headers: { 'content-type': 'image/png' },
			});
			expect(response.headers.get('content-type')).toContain('application/problem+json');
			return { status: response.status, ...((await response.json()) as object) };
		};
		expect(await send(blank)).toMatchObject({ status: 422, code: 'NO_FACE' });
		expect(await send(Buffer.from('no photo'))).toMatchObject({ status: 422, code: 'INVALID_IMAGE' });
		expect(await send(Buffer.alloc(0))).toMatchObject({ status: 422 });
	});
});

describe('portraits', () => {
	const asked = { photo: base64, steps: 2, seed: 5 };

	test('are those of generate, marked, by JSON and by a form', async () => {
		const identity = await model.encode(photo);
		const [expected] = await model.generate(identity, { steps: 2, seed: 5 });
		const file = await expected.toBuffer();
		const fields = { steps: '2', seed: '5', sampler: 'dpm++2m' };
		const answers = [
			await portraits(asked),
			await portraits({ identity: { embedding: [...identity.embedding] }, steps: 2, seed: 5 }),
			(await (await fetch(`${url}/v1/portraits`, { method: 'POST', body: form(fields) })).json()) as Answer,
		];
		for (const { images } of answers) {
			expect(images).toHaveLength(1);
			const data = Buffer.from(images[0]!.data, 'base64');
			expect(await sharp(data).raw().toBuffer()).toEqual(await sharp(file).raw().toBuffer());
			expect((await verifyImage(data)).finding).toBe('signed');
		}
	});

	test('without a seed have random ones, and tell them', async () => {
		const { images } = await portraits({ photo: base64, steps: 1, count: 2 });
		const [first, second] = images.map(({ seed }) => seed);
		expect(second).toBe(first! + 1);
		const again = await portraits({ photo: base64, steps: 1, seed: first });
		expect(again.images[0]).toMatchObject({ seed: first, width: 96, height: 96, mediaType: 'image/png' });
		const other = await portraits({ photo: base64, steps: 1 });
		expect(other.images[0]!.seed).not.toBe(first);
	});

	test('one is answered as its file', async () => {
		const response = await post(
			'/v1/portraits',
			{ ...asked, format: 'webp', check: { minSimilarity: -1 } },
			{ accept: 'image/*' },
		);
		expect(response.status).toBe(200);
		expect(Object.fromEntries(response.headers)).toMatchObject({
			...{ 'content-type': 'image/webp', 'arc2face-seed': '5', 'arc2face-index': '0' },
			'content-disposition': 'attachment; filename="portrait-5.webp"',
			'arc2face-similarity': expect.stringMatching(/^0\.\d+$/),
		});
		expect(await sharp(Buffer.from(await response.arrayBuffer())).metadata()).toMatchObject({
			format: 'webp',
			width: 96,
		});
	});

	test.each(['webp', 'jpeg', 'avif'])('one that is accepted as %s is one', async (format) => {
		const response = await post('/v1/portraits', { photo: base64, steps: 1 }, { accept: `image/${format}` });
		expect(response.headers.get('content-type')).toBe(`image/${format}`);
		const meta = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
		expect(meta.format).toBe(format === 'avif' ? 'heif' : format);
	});

	test('several are answered in parts', async () => {
		const response = await post('/v1/portraits', { ...asked, count: 3 }, { accept: 'multipart/mixed' });
		const type = response.headers.get('content-type')!;
		const boundary = /boundary="(.*)"/.exec(type)![1]!;
		const text = Buffer.from(await response.arrayBuffer()).toString('latin1');
		const parts = text.split(`--${boundary}`).slice(1, -1);
		expect(text.endsWith(`--${boundary}--\r\n`)).toBe(true);
		expect(parts.map((part) => /arc2face-seed: (\d+)/.exec(part)?.[1]).sort()).toEqual(['5', '6', '7']);
		for (const part of parts) {
			const [head = '', ...rest] = part.split('\r\n\r\n');
			const file = Buffer.from(rest.join('\r\n\r\n').slice(0, -2), 'latin1');
			expect(Number(/content-length: (\d+)/.exec(head)![1])).toBe(file.length);
			expect((await sharp(file).metadata()).width).toBe(96);
		}
	});

	test('come as events, with steps and previews, as they finish', async () => {
		const response = await post(
			'/v1/portraits',
			{ ...asked, count: 2, preview: { every: 1 } },
			{ accept: 'text/event-stream' },
		);
		expect(response.headers.get('content-type')).toBe('text/event-stream');
		const events = await collect(eventsOf(response));
		const of = (name: string) => events.filter(({ event }) => event === name).map(({ data }) => data);
		expect(of('step')).toEqual([1, 2].map((step) => ({ step, steps: 2, round: 1 })));
		expect(of('preview').length).toBeGreaterThan(0);
		expect(of('preview')[0]).toMatchObject({ steps: 2, mediaType: 'image/jpeg', data: expect.any(String) });
		expect(
			of('image')
				.map(({ seed }) => seed)
				.sort(),
		).toEqual([5, 6]);
		expect(events.at(-1)).toEqual({ event: 'done', data: { images: 2 } });
	});

	test('a failure while they are painted is an event, or the problem itself where nothing was answered', async () => {
		const noFace = {
			photo: (
				await sharp({ create: { width: 64, height: 64, channels: 3, background: 'grey' } })
					.png()
					.toBuffer()
			).toString('base64'),
		};
		const events = await collect(eventsOf(await post('/v1/portraits', noFace, { accept: 'text/event-stream' })));
		expect(events).toEqual([{ event: 'problem', data: expect.objectContaining({ status: 422, code: 'NO_FACE' }) }]);
		for (const accept of ['application/json', 'multipart/mixed', 'image/png']) {
			const response = await post('/v1/portraits', noFace, { accept });
			expect(await problem(response)).toMatchObject({ status: 422, code: 'NO_FACE' });
		}
	});

	test('a recipe is told when it is asked for, and paints the same image again', async () => {
		const { images } = await portraits({ ...asked, recipes: true });
		const { recipe, data } = images[0] as never as { recipe: { options: object }; data: string };
		expect(recipe.options).toMatchObject({ seed: 5, steps: 2 });
		const again = await portraits({ recipe });
		const pixels = (text: string) => sharp(Buffer.from(text, 'base64')).raw().toBuffer();
		expect(await pixels(again.images[0]!.data)).toEqual(await pixels(data));
		expect(Object.keys((await portraits(asked)).images[0]!)).not.toContain('recipe');
	});
});

describe('what is refused', () => {
	test.each([
		['nobody to paint', {}, 'identity'],
		['two ways to say whom', { photo: base64, identity: { embedding: Array(512).fill(1) } }, 'identity'],
		['an unknown field', { photo: base64, seeds: 5 }, 'seeds'],
		['a value out of range', { photo: base64, steps: 1001 }, 'steps'],
		['a value of another type', { photo: base64, steps: '2' }, 'steps'],
		['a size that is no multiple', { photo: base64, width: 97 }, 'width'],
		['what the model was not loaded for', { photo: base64, expression: 'smile' }, 'expression'],
		['no base64', { photo: '%%%' }, 'photo'],
		['a list', [], undefined],
		['null', null, undefined],
	])('%s', async (_, body, option) => {
		expect(await problem(await post('/v1/portraits', body))).toEqual({ status: 400, code: 'INVALID_ARGUMENT', option });
	});

	test('photos as text that are no base64: a path would be one of the server', async () => {
		const path = join(packageRoot, 'test/fixtures/faces/person-06-0.jpg');
		const { embedding } = await model.encode(photo);
		for (const [name, value] of Object.entries({
			...{ photo: path, image: path, mask: path },
			...{ control: JSON.stringify({ image: path }), reference: JSON.stringify({ photo: path }) },
		})) {
			const sent = new FormData();
			if (name !== 'photo') sent.set('identity', JSON.stringify({ embedding: [...embedding] }));
			sent.set(name, value);
			const told = await problem(await fetch(`${url}/v1/portraits`, { method: 'POST', body: sent }));
			expect([told.status, told.code], name).toEqual([400, 'INVALID_ARGUMENT']);
			expect(told.option, name).toMatch(new RegExp(`^${name}`));
		}
	});

	test('a field or a photo that comes twice', async () => {
		for (const name of ['photo', 'count']) {
			const sent = form({ count: '1' });
			if (name === 'photo') sent.append('photo', new Blob([Uint8Array.from(photo)]), 'b.jpg');
			else sent.append('count', '2');
			const told = await problem(await fetch(`${url}/v1/portraits`, { method: 'POST', body: sent }));
			expect([told.status, told.option]).toEqual([400, name]);
		}
	});

	test('forms that were not read to their end leave the connection to the next request', async () => {
		const agent = new Agent({ keepAlive: true, maxSockets: 1 });
		const ask = (method: string, path: string, body: Buffer, type = 'application/json') =>
			new Promise<number>((resolve, reject) => {
				const headers = { 'content-type': type, 'content-length': body.length };
				const asked = httpRequest(url + path, { method, agent, headers, timeout: 10_000 }, (response) => {
					response.resume().once('end', () => resolve(response.statusCode!));
				});
				asked.once('timeout', () => asked.destroy(new Error('no answer')));
				asked.once('error', reject).end(body);
			});
		const part = (name: string, more = '') => `--x\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n`;
		for (const wrong of [
			`${part('count')}1\r\n${part('count')}2\r\n`,
			`${part('other', '; filename="a"')}a\r\n`,
			`${part('photo', '; filename="a"')}a\r\n${part('photo', '; filename="b"')}b\r\n`,
		]) {
			const rest = `${part('image', '; filename="c"')}${'c'.repeat(1_500_000)}\r\n--x--\r\n`;
			const body = Buffer.from(wrong + rest);
			const status = await ask('POST', '/v1/portraits', body, 'multipart/form-data; boundary=x');
			expect([400, 415]).toContain(status);
			expect(await ask('GET', '/healthz', Buffer.alloc(0))).toBe(200);
		}
		agent.destroy();
	});

	test('a form that its reader never comes to the end of', async () => {
		const file = `--x\r\ncontent-disposition: form-data; name="photo"; filename="${'../'.repeat(9)}"\r\n\r\n${'a'.repeat(20_000)}\r\n`;
		const body = `${file}--x\r\n\r\n\r\n${'b'.repeat(20_000)}\r\n--x--\r\n`;
		const headers = { 'content-type': 'multipart/form-data; boundary=x' };
		const told = await problem(await fetch(`${url}/v1/portraits`, { method: 'POST', body, headers }));
		// In other pieces than these it comes to the end, and says that the file is no photo.
		expect(['INVALID_ARGUMENT', 'INVALID_IMAGE']).toContain(told.code);
	}, 40_000);

	test('numbers of another length than theirs', async () => {
		for (const fields of [{ latents: 'AAA=' }, { reference: { photo: base64, noise: 'AAA=' } }]) {
			const told = await problem(await post('/v1/portraits', { photo: base64, ...fields }));
			expect([told.status, told.code]).toEqual([400, 'INVALID_ARGUMENT']);
		}
	});

	test('images that become larger than they say, by a photo or by a recipe', async () => {
		const large = await sharp({ create: { width: 900, height: 900, channels: 3, background: 'grey' } })
			.png()
			.toBuffer();
		const small = fastify();
		await small.register(portraitServer, { model, limits: { imagePixels: 3 * 96 * 96, photoPixels: 1_000_000 } });
		for (const fields of [
			{ image: large.toString('base64') },
			{ recipe: { options: { width: 900, height: 900 } } },
			{ count: 4 },
		]) {
			const payload = { photo: base64, ...fields };
			const answer = await small.inject({ method: 'POST', url: '/v1/portraits', payload });
			expect([answer.statusCode, answer.json().code]).toEqual([413, 'TOO_LARGE']);
		}
		await small.close();
	});

	test('more than a request may have', async () => {
		const tooMany = await post('/v1/portraits', { photo: base64, count: 9 });
		expect(await problem(tooMany)).toMatchObject({ status: 413, code: 'TOO_LARGE' });
		const large = await sharp({ create: { width: 1001, height: 1000, channels: 3, background: 'grey' } })
			.png()
			.toBuffer();
		expect(await problem(await post('/v1/portraits', { photo: large.toString('base64') }))).toMatchObject({
			code: 'TOO_LARGE',
		});
		expect(await problem(await post('/v1/identities', { photo: 'A'.repeat(2_000_001) }))).toMatchObject({
			code: 'TOO_LARGE',
		});
		const body = form({}, Buffer.alloc(2_000_001));
		expect(await problem(await fetch(`${url}/v1/identities`, { method: 'POST', body }))).toMatchObject({
			code: 'TOO_LARGE',
		});
	});

	test('addresses, methods and forms that there are not', async () => {
		expect(await problem(await fetch(`${url}/v2/portraits`))).toMatchObject({ status: 404, code: 'NOT_FOUND' });
		const wrong = await fetch(`${url}/v1/portraits`, { method: 'PUT', body: '{}' });
		expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
		const text = { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } };
		expect(await problem(await fetch(`${url}/v1/portraits`, text))).toMatchObject({ status: 415 });
		const cut = { method: 'POST', body: '{"photo":', headers: { 'content-type': 'application/json' } };
		expect(await problem(await fetch(`${url}/v1/portraits`, cut))).toMatchObject({
			status: 400,
			code: 'INVALID_ARGUMENT',
		});
		const broken = { method: 'POST', body: '--x\r\n', headers: { 'content-type': 'multipart/form-data; boundary=x' } };
		expect(await problem(await fetch(`${url}/v1/portraits`, broken))).toMatchObject({ status: 400 });
		const file = new FormData();
		file.set('portrait', new Blob(['x']), 'x.png');
		const misnamed = await fetch(`${url}/v1/portraits`, { method: 'POST', body: file });
		expect(await problem(misnamed)).toMatchObject({ status: 415 });
	});

	test('JSON that is nested without end', async () => {
		const body = `{"photo":"${base64}","recipe":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`;
		const response = await fetch(`${url}/v1/portraits`, { ...json({}), body });
		expect(await problem(response)).toMatchObject({ status: 400 });
	});
});

test('what it can is told, without the paths of its files', async () => {
	const text = await (await fetch(`${url}/v1/models`)).text();
	expect(JSON.parse(text).models).toEqual([
		expect.objectContaining({ device: 'cpu', bundle: 'tiny', canEncode: true, imageSize: { width: 96, height: 96 } }),
	]);
	expect(text).not.toContain(packageRoot);
});

test('its document has every address, with its failures', async () => {
	const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
		openapi: string;
		paths: Record<string, Record<string, { responses: object; requestBody?: { content: object } }>>;
	};
	expect(document.openapi).toBe('3.1.0');
	expect(Object.keys(document.paths)).toEqual(
		expect.arrayContaining(['/v1/identities', '/v1/portraits', '/v1/models', '/healthz', '/readyz']),
	);
	const { post: paint } = document.paths['/v1/portraits']!;
	expect(Object.keys(paint!.responses)).toEqual(
		expect.arrayContaining(['200', '400', '406', '413', '415', '422', '429', '500', '503']),
	);
	expect(Object.keys(paint!.requestBody!.content)).toEqual(['application/json', 'multipart/form-data']);
});

describe('a client that leaves', () => {
	test.each(['application/json', 'text/event-stream', 'multipart/mixed', 'image/png'])(
		'%s: its work ends within a step',
		async (accept) => {
			let atEnd: number | undefined;
			const begun = new Promise<void>((resolve) => {
				vi.spyOn(model, 'generateEach').mockImplementationOnce((...all) => {
					const [who, options] = all as never as [never, { signal: AbortSignal }];
					// The evaluation that goes on by then is not counted yet.
					const look = () => {
						atEnd = model.usage.evaluations;
					};
					options.signal.addEventListener('abort', () => setImmediate(look), { once: true });
					vi.mocked(model.generateEach).mockRestore();
					return model.generateEach(who, { ...options, onStep: () => resolve() } as never);
				});
			});
			const leaving = new AbortController();
			const answer = fetch(`${url}/v1/portraits`, {
				...json({ photo: base64, steps: 1000, seed: 1, count: accept === 'image/png' ? 1 : 4 }, { accept }),
				signal: leaving.signal,
			}).then((response) => response.text());
			await begun;
			leaving.abort();
			await expect(answer).rejects.toThrow();
			await vi.waitFor(() => expect(atEnd).toBeDefined());
			await vi.waitFor(() => expect(model.usage.images).toBe(0), { interval: 1 });
			expect(model.usage.evaluations - atEnd!).toBeLessThanOrEqual(1);
		},
	);
});

test('a reader of events that does not read holds nobody up, and gets its images when it does', async () => {
	const { port } = new URL(url);
	const body = JSON.stringify({ photo: base64, seed: 5, count: 8, steps: 30, preview: { every: 1 } });
	const slow = connect(Number(port));
	slow.pause();
	slow.write(
		`POST /v1/portraits HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nconnection: close\r\n` +
			`content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
	);
	await vi.waitFor(() => expect(model.usage.images).toBe(8), 10_000);
	expect((await portraits({ photo: base64, seed: 6, steps: 2 })).images).toHaveLength(1);
	await vi.waitFor(() => expect(model.usage.images).toBe(0), 30_000);
	let text = '';
	for await (const chunk of slow) text += chunk;
	expect(text.match(/^event: image$/gm)).toHaveLength(8);
	expect(text).toContain('event: done');
}, 60_000);

describe('in another app', () => {
	const identities = { method: 'POST', path: '/faces/v1/identities', headers: { 'content-type': 'image/jpeg' } };

	test('of Fastify it has a prefix, and leaves what is around it as it is', async () => {
		const around = fastify();
		around.get('/own', async () => {
			throw new Error('own');
		});
		await around.register(portraitServer, { model, prefix: '/faces' });
		const { method, path, headers } = identities;
		const own = await around.inject('/own');
		expect([own.statusCode, own.json().message]).toEqual([500, 'own']);
		expect((await around.inject('/nothing')).headers['content-type']).toContain('application/json');
		expect((await around.inject({ method: 'POST', url: path, headers, payload: photo })).statusCode).toBe(200);
		const wrong = await around.inject({ method: 'GET', url: path });
		expect([method, wrong.statusCode, wrong.headers.allow]).toEqual(['POST', 405, 'POST']);
		await around.close();
	});

	test('of node:http it is a function', async () => {
		const handler = await portraitHandler({ model });
		const server = createServer((request, response) => {
			// As Express does for `app.use('/faces', handler)`.
			const url = request.url!.replace(/^\/faces/, '') || '/';
			handler(Object.assign(request, { originalUrl: request.url, baseUrl: '/faces', url }), response);
		});
		await new Promise<void>((resolve) => server.listen(0, resolve));
		const { port } = server.address() as AddressInfo;
		const status = await new Promise((resolve) => {
			httpRequest({ port, ...identities }, (response) => resolve(response.resume().statusCode)).end(photo);
		});
		expect(status).toBe(200);
		const page = await fetch(`http://localhost:${port}/faces`);
		expect([page.url, page.status]).toEqual([`http://localhost:${port}/faces/`, 200]);
		const nothing = (await (await fetch(`http://localhost:${port}/faces/nothing`)).json()) as { remedy: string };
		expect(nothing.remedy).toBe('See /faces/openapi.json.');
		server.close();
		server.closeAllConnections();
		await handler.close();
	});

	test('before its model is there it is not ready, and says so', async () => {
		let give: (model: Painter) => void = () => {};
		const loading = new Promise<Painter>((resolve) => {
			give = resolve;
		});
		const early = fastify();
		await early.register(portraitServer, { model: loading });
		expect((await early.inject('/healthz')).statusCode).toBe(200);
		const ready = await early.inject('/readyz');
		expect([ready.statusCode, ready.json().code, ready.headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '5']);
		give(model);
		await loading;
		expect((await early.inject('/readyz')).statusCode).toBe(200);
		await early.close();
	});
});
