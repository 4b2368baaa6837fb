// The reception of the server: every refusal, what is counted and logged, answers that are kept, and the end.
import { getRandomValues } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import fastify, { type FastifyInstance, type InjectOptions } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { GeneratedImage } from '../../lib/image.ts';
import { portraitApp } from '../../lib/server/app.ts';
import type { Painter } from '../../lib/server/painter.ts';
import { portraitServer } from '../../lib/server/plugin.ts';
import { Reception, type ReceptionOptions } from '../../lib/server/reception.ts';

const embedding = Array.from({ length: 512 }, (_, i) => (i === 3 ? 1 : 0));
const identity = { embedding };
const keyOf = { anna: 'A'.repeat(40), ben: 'B'.repeat(40) };
const apiKeys = `anna:${keyOf.anna} ben:${keyOf.ben}`;
const as = (name: keyof typeof keyOf) => ({ authorization: `Bearer ${keyOf[name]}` });

/** Paints flat images, when it is let. */
class Easel {
	calls = 0;
	/** Of its images: flat ones, or larger ones of noise. */
	size = 8;
	/** Settles when painting may go on. */
	turn: Promise<unknown> = Promise.resolve();
	readonly begun = new EventTarget();
	readonly painter = {
		usage: {
			...{ images: 0, batch: 2, evaluations: 0, rows: 0, places: 0, steps: 0 },
			seconds: { waiting: 0, conditioning: 0, denoising: 0, decoding: 0 },
		},
		info: { imageSize: { width: 8, height: 8 }, warnings: [] },
		generateEach: (
			_who: unknown,
			{ count = 1, seed = 0, signal }: { count?: number; seed?: number; signal: AbortSignal },
		) => this.#paint(count, seed, signal),
	} as unknown as Painter;

	async *#paint(count: number, seed: number, signal: AbortSignal) {
		this.calls++;
		const stopped = once(signal, 'abort').then(() => signal.throwIfAborted());
		stopped.catch(() => {});
		this.begun.dispatchEvent(new Event('begun'));
		for (let i = 0; i < count; i++) {
			await Promise.race([this.turn, stopped]);
			const { size } = this;
			const pixels = new Uint8Array(3 * size * size);
			if (size > 8)
				for (let at = 0; at < pixels.length; at += 65_536) getRandomValues(pixels.subarray(at, at + 65_536));
			yield new GeneratedImage(pixels, { width: size, height: size }, seed + i, i);
		}
	}
}

let app: FastifyInstance;
let reception: Reception;
let easel: Easel;
let log: string[];
afterEach(async () => {
	await app.close();
	reception.close();
});

async function serve(options: ReceptionOptions = {}, json = true) {
	log = [];
	easel = new Easel();
	reception = await Reception.open(options);
	const stream = { write: (line: string) => log.push(line) };
	app = await portraitApp({ model: easel.painter, reception, log: { stream, json } });
}
const paint = (headers: Record<string, string> = {}, body: object = {}): InjectOptions => ({
	...{ method: 'POST', url: '/v1/portraits', headers },
	payload: { identity, seed: 1, ...body },
});
const ask = async (options: InjectOptions) => {
	const answer = await app.inject(options);
	return { status: answer.statusCode, code: codeOf(answer.body), headers: answer.headers, body: answer.body };
};
const codeOf = (body: string): string | undefined => (body.startsWith('{') ? JSON.parse(body).code : undefined);
/** A request that is being painted until `end` is called. */
async function painting(options: InjectOptions) {
	const turn = withResolvers();
	easel.turn = turn.promise;
	const begun = once(easel.begun, 'begun');
	const answer = ask(options);
	await begun;
	return { answer, end: () => turn.resolve() };
}
function withResolvers() {
	let [resolve, reject] = [() => {}, (_: Error) => {}];
	const promise = new Promise<void>((done, fail) => {
		[resolve, reject] = [done, fail];
	});
	return { promise, resolve, reject };
}

describe('keys', () => {
	test('are asked for by everything but health and the description', async () => {
		await serve({ apiKeys });
		for (const url of ['/healthz', '/readyz', '/openapi.json']) expect((await ask({ url })).status, url).toBe(200);
		for (const url of ['/v1/models', '/metrics']) {
			const answer = await ask({ url });
			expect([answer.status, answer.code], url).toEqual([401, 'UNAUTHORIZED']);
			expect(answer.headers['www-authenticate']).toContain('Bearer');
		}
		expect(await ask(paint())).toMatchObject({ status: 401 });
		expect(await ask(paint({ authorization: 'Bearer no' }))).toMatchObject({ status: 401 });
		expect(easel.calls).toBe(0);
		expect(await ask(paint(as('anna')))).toMatchObject({ status: 200 });
		expect(await ask(paint({ 'x-api-key': keyOf.ben }))).toMatchObject({ status: 200 });
		expect((await ask({ url: '/metrics', headers: as('ben') })).status).toBe(200);
	});
});

test('before the model is loaded, only that the process lives is told; one that can not be loaded is told so', async () => {
	await serve();
	await app.close();
	const { promise, reject } = withResolvers();
	promise.catch(() => {});
	app = await portraitApp({ model: promise as never, reception });
	expect((await ask({ url: '/healthz' })).status).toBe(200);
	for (const answer of [await ask({ url: '/readyz' }), await ask(paint())]) {
		expect([answer.status, answer.code, answer.headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '5']);
	}
	reject(new Error('no file at /secret/place'));
	const { status, body } = await ask({ url: '/readyz' });
	expect([status, body]).toEqual([503, expect.stringContaining('could not be loaded')]);
	expect(body).not.toContain('/secret');
});

test('when every GPU has failed, the process asks to be started again', async () => {
	await serve();
	expect((await ask({ url: '/healthz' })).status).toBe(200);
	Object.assign(easel.painter, { isLost: true });
	for (const url of ['/healthz', '/readyz']) {
		const { status, code, body } = await ask({ url });
		expect([status, code], url).toEqual([503, 'UNAVAILABLE']);
		expect(body).toContain('Start the server again.');
	}
});

describe('too much', () => {
	test('is told to come again: requests, images a day, images at once', async () => {
		await serve({ apiKeys, limits: { requestsPerMinute: 3, imagesPerDay: 4, imagesInFlight: 3 } });
		const first = await ask(paint(as('anna'), { count: 3 }));
		expect([first.status, first.headers['ratelimit-remaining']]).toEqual([200, '2']);
		const quota = await ask(paint(as('anna'), { count: 2 }));
		expect([quota.status, quota.code]).toEqual([429, 'QUOTA_EXCEEDED']);
		await ask(paint(as('anna')));
		const rate = await ask(paint(as('anna')));
		expect([rate.status, rate.code]).toEqual([429, 'RATE_LIMITED']);
		for (const { headers } of [quota, rate]) expect(Number(headers['retry-after'])).toBeGreaterThan(0);

		const { answer, end } = await painting(paint(as('ben'), { count: 3 }));
		const busy = await ask(paint(as('ben')));
		expect([busy.status, busy.code]).toEqual([429, 'BUSY']);
		expect(Number(busy.headers['retry-after'])).toBeGreaterThan(0);
		end();
		expect((await answer).status).toBe(200);
		expect(reception.gate).toMatchObject({ images: 0, bytes: 0 });
	});

	test('of a body is refused before it is read', async () => {
		await serve({ limits: { memoryBytes: 30_000 } });
		expect(await ask(paint({}, { purpose: 'x'.repeat(20_000) }))).toMatchObject({ status: 413, code: 'TOO_LARGE' });
		expect(reception.gate.bytes).toBe(0);
	});

	test('time ends the painting', async () => {
		await serve({ limits: { paintingSeconds: 0.05 } });
		const { answer } = await painting(paint());
		expect(await answer).toMatchObject({ status: 503, code: 'TIMED_OUT' });
		expect(reception.gate.images).toBe(0);
	});
});

describe('other pages', () => {
	const foreign = { origin: 'https://evil.example', host: 'localhost:80' };

	test('may neither post nor read', async () => {
		await serve({ isLocal: true });
		expect(await ask(paint(foreign))).toMatchObject({ status: 403, code: 'FORBIDDEN' });
		expect(await ask(paint({ origin: 'null' }))).toMatchObject({ status: 403 });
		expect(await ask(paint({ 'sec-fetch-site': 'cross-site' }))).toMatchObject({ status: 403 });
		expect(easel.calls).toBe(0);
		const read = await ask({ url: '/healthz', headers: foreign });
		expect(read.headers).not.toHaveProperty('access-control-allow-origin');
		expect(read.headers['cross-origin-resource-policy']).toBe('same-origin');
		const asked = { ...foreign, 'access-control-request-method': 'POST' };
		const preflight = await ask({ method: 'OPTIONS', url: '/v1/portraits', headers: asked });
		expect(preflight.headers).not.toHaveProperty('access-control-allow-origin');
	});

	test('that are allowed may, and the own one', async () => {
		await serve({ apiKeys, allowOrigins: ['https://ours.example'] });
		const ours = { origin: 'https://ours.example' };
		const preflight = await ask({
			...{ method: 'OPTIONS', url: '/v1/portraits' },
			headers: { ...ours, 'access-control-request-method': 'POST' },
		});
		expect(preflight).toMatchObject({ status: 204 });
		expect(preflight.headers).toMatchObject({
			'access-control-allow-origin': 'https://ours.example',
			'access-control-allow-headers': expect.stringContaining('Authorization'),
		});
		const posted = await ask(paint({ ...ours, ...as('anna') }));
		expect([posted.status, posted.headers['access-control-allow-origin']]).toEqual([200, 'https://ours.example']);
		expect(await ask(paint({ ...as('anna'), origin: 'https://me.example', host: 'me.example' }))).toMatchObject({
			status: 200,
		});
		expect(await ask(paint({ ...foreign, ...as('anna') }))).toMatchObject({ status: 403 });
	});

	test('can not reach an open server by another name', async () => {
		await serve({ isLocal: true });
		for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '10.0.0.1']) {
			expect((await ask({ url: '/v1/models', headers: { host } })).code, host).toBe('FORBIDDEN');
		}
		for (const host of ['localhost:8765', '127.0.0.1:8765', '[::1]:8765']) {
			expect((await ask({ url: '/healthz', headers: { host } })).status, host).toBe(200);
		}
		await app.close();
		await serve({ isLocal: true, apiKeys });
		expect((await ask({ url: '/healthz', headers: { host: 'arc.example' } })).status).toBe(200);
	});

	test.each(['https://a.example/', 'a.example', '*'])('%s is no origin to allow without keys', async (origin) => {
		await expect(serve({ isLocal: true, allowOrigins: [origin] })).rejects.toMatchObject({
			...{ code: 'INVALID_ARGUMENT', details: { option: 'allowOrigin' } },
		});
	});
});

test('a model has two batches of images at a time; the rest waits for them', async () => {
	await serve();
	const first = await painting(paint());
	const others = Array.from({ length: 5 }, (_, i) => ask(paint({}, { seed: i })));
	await expect.poll(() => reception.gate.images).toBe(6);
	await expect.poll(() => easel.calls).toBe(4);
	await new Promise((resolve) => setTimeout(resolve, 50));
	expect(easel.calls).toBe(4);
	first.end();
	expect((await Promise.all([first.answer, ...others])).map(({ status }) => status)).toEqual(Array(6).fill(200));
	expect(easel.calls).toBe(6);
});

describe('an idempotency key', () => {
	const keyed = { 'idempotency-key': 'k-1', ...as('anna') };

	test('gives the same answer again, and paints once', async () => {
		await serve({ apiKeys });
		const first = await ask(paint(keyed, { seed: undefined }));
		const again = await ask(paint(keyed, { seed: undefined }));
		expect([first.status, again.status, easel.calls]).toEqual([200, 200, 1]);
		expect(again.body).toBe(first.body);
		expect(again.headers).toMatchObject({
			...{ 'idempotency-replayed': 'true', 'content-type': first.headers['content-type'], 'cache-control': 'no-store' },
		});
		expect(first.headers).not.toHaveProperty('idempotency-replayed');
		const file = await app.inject(paint({ ...keyed, accept: 'image/png', 'idempotency-key': 'k-2' }));
		const fileAgain = await app.inject(paint({ ...keyed, accept: 'image/png', 'idempotency-key': 'k-2' }));
		expect(fileAgain.rawPayload).toEqual(file.rawPayload);
		expect(fileAgain.headers['arc2face-seed']).toBe('1');
	});

	test('is for one request, and one client', async () => {
		await serve({ apiKeys });
		await ask(paint(keyed));
		expect(await ask(paint(keyed, { seed: 2 }))).toMatchObject({ status: 422, code: 'UNPROCESSABLE' });
		expect(await ask(paint({ ...keyed, ...as('ben') }, { seed: 2 }))).toMatchObject({ status: 200 });
	});

	test('that is being answered is a conflict', async () => {
		await serve({ apiKeys });
		const { answer, end } = await painting(paint(keyed));
		expect(await ask(paint(keyed))).toMatchObject({ status: 409, code: 'CONFLICT' });
		end();
		expect((await answer).status).toBe(200);
		expect((await ask(paint(keyed))).headers['idempotency-replayed']).toBe('true');
	});

	test('of a failure that may pass begins anew', async () => {
		await serve({ apiKeys, limits: { imagesInFlight: 1 } });
		const { answer, end } = await painting(paint(as('ben')));
		expect((await ask(paint(keyed))).code).toBe('BUSY');
		end();
		await answer;
		expect((await ask(paint(keyed))).status).toBe(200);
	});

	test('of a client that has left before the answer begins anew', async () => {
		await serve({ apiKeys });
		const url = await app.listen({ port: 0 });
		const leaving = new AbortController();
		const headers = { ...keyed, 'content-type': 'application/json' };
		const body = JSON.stringify({ identity, seed: 1 });
		const post = (signal?: AbortSignal) =>
			fetch(`${url}/v1/portraits`, { method: 'POST', headers, body, ...(signal && { signal }) });
		easel.turn = new Promise(() => {});
		const begun = new Promise((done) => easel.begun.addEventListener('begun', done, { once: true }));
		const left = post(leaving.signal);
		left.catch(() => {});
		await begun;
		const told = new Promise<string>((done) => {
			log.push = (line: string) => {
				if (line.includes('"left":true')) done(line);
				return 0;
			};
		});
		leaving.abort();
		expect(JSON.parse(await told)).toMatchObject({ client: 'anna', route: '/v1/portraits' });
		easel.turn = Promise.resolve();
		expect((await post()).status).toBe(200);
		expect(easel.calls).toBe(2);
	});

	test('with pieces, or with spaces, is refused', async () => {
		await serve({ apiKeys });
		expect((await ask(paint({ ...keyed, accept: 'text/event-stream' }))).code).toBe('NOT_ACCEPTABLE');
		expect((await ask(paint({ ...keyed, 'idempotency-key': 'a b' }))).code).toBe('UNPROCESSABLE');
	});
});

describe('the log', () => {
	const photo = Buffer.from('not a photo, but long enough to be found again in a log: '.repeat(20)).toString('base64');
	const secrets = [keyOf.anna, photo.slice(0, 60), embedding.slice(0, 8).join(','), 'secret-in-address'];

	test.each([true, false])('tells who asked for what, and never what was sent (as JSON: %s)', async (json) => {
		await serve({ apiKeys }, json);
		await ask(paint({ ...as('anna'), 'x-request-id': 'mine-1' }, { count: 2 }));
		await ask(paint(as('anna'), { identity: { embedding: [...embedding, 0.5] } }));
		await ask({ ...paint(as('anna')), payload: { photo } });
		await ask({
			...paint(as('anna')),
			payload: `{"photo": "${photo}`,
			headers: { ...as('anna'), 'content-type': 'application/json' },
		});
		await ask({ url: `/v1/none?key=secret-in-address&photo=${photo.slice(0, 60)}`, headers: as('anna') });
		await ask({ url: '/v1/models', headers: { authorization: `Basic ${keyOf.anna}` } });
		easel.turn = Promise.reject(new TypeError(`bad data: ${photo} [${embedding.join(', ')}] of ${keyOf.anna}`));
		easel.turn.catch(() => {});
		expect((await ask(paint(as('anna')))).code).toBe('INTERNAL');

		const text = log.join('');
		for (const secret of secrets) expect(text).not.toContain(secret);
		expect(text).toContain('bad data');
		const line = log.find((one) => one.includes('mine-1'))!;
		if (json) {
			expect(JSON.parse(line)).toMatchObject({
				...{ level: 'info', reqId: 'mine-1', client: 'anna', method: 'POST', route: '/v1/portraits' },
				...{ status: 200, images: 2, ms: expect.any(Number) },
			});
		} else expect(line).toMatch(/^\d\d:\d\d:\d\d POST \/v1\/portraits 200, 2 images, \d+ ms \(anna, mine-1\)\n$/);
	});

	test('has an id for every request: its own, if it may stand there', async () => {
		await serve();
		const idFor = async (id: string) =>
			(await ask({ url: '/healthz', headers: { 'x-request-id': id } })).headers['x-request-id'];
		expect(await idFor('a-1')).toBe('a-1');
		expect(await idFor('a b"\\')).toMatch(/^[0-9a-f-]{36}$/);
		expect(await idFor('x'.repeat(129))).toMatch(/^[0-9a-f-]{36}$/);
	});
});

test('metrics count requests, errors and images', async () => {
	await serve({ apiKeys });
	reception.measure({
		usage: () => ({
			...{ images: 1, batch: 8, evaluations: 5, rows: 30, places: 40, steps: 15 },
			seconds: { waiting: 1, conditioning: 0, denoising: 2, decoding: 0 },
		}),
		jobs: async () => ({ queued: 3 }),
	});
	await ask(paint(as('anna'), { count: 2 }));
	await ask(paint(as('anna'), { count: 0 }));
	const { body, headers } = await ask({ url: '/metrics', headers: as('ben') });
	expect(headers['content-type']).toContain('text/plain');
	const lines = body.split('\n');
	for (const line of [
		'arc2face_http_requests_total{route="/v1/portraits",method="POST",status="200"} 1',
		'arc2face_http_request_seconds_count{route="/v1/portraits"} 2',
		'arc2face_errors_total{code="INVALID_ARGUMENT"} 1',
		'arc2face_images_total 2',
		'arc2face_images_in_flight 0',
		'arc2face_batch_rows_total 30',
		'arc2face_batch_places_total 40',
		'arc2face_steps_total 15',
		'arc2face_model_seconds_total{phase="denoising"} 2',
		'arc2face_jobs{state="queued"} 3',
	]) {
		expect(lines).toContain(line);
	}
	expect(body).toMatch(/^arc2face_process_resident_memory_bytes \d+$/m);
});

describe('over a connection', () => {
	const body = JSON.stringify({ identity, seed: 1 });
	const request = `POST /v1/portraits HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`;
	const connected = async () => {
		await app.listen({ port: 0 });
		const { port } = app.server.address() as AddressInfo;
		const socket = connect(port);
		await once(socket, 'connect');
		return socket;
	};

	test('requests that wait behind another are given up with it', async () => {
		await serve();
		easel.turn = new Promise(() => {});
		const socket = await connected();
		socket.write(`${request}\r\n${body}`.repeat(3));
		await expect.poll(() => reception.gate.images).toBe(3);
		socket.destroy();
		await expect.poll(() => [reception.gate.images, reception.gate.bytes]).toEqual([0, 0]);
		await expect.poll(() => reception.shutdown.working).toBe(0);
	});

	test('whose client left before it was looked at, holds nothing', async () => {
		await serve();
		await app.close();
		const around = fastify();
		let isHeld = true;
		around.addHook('onRequest', async ({ raw }) => {
			if (isHeld) await once(raw.socket, 'close');
		});
		await around.register(portraitServer, { model: easel.painter, reception });
		app = around;
		const socket = await connected();
		socket.write(`${request}\r\n${body}`, () => socket.destroy());
		await new Promise((resolve) => setTimeout(resolve, 100));
		isHeld = false;
		await expect
			.poll(() => [reception.gate.bytes, reception.gate.images, reception.shutdown.working])
			.toEqual([0, 0, 0]);
	});

	test('an answer that is waited for is not cut off by the one before it', async () => {
		await serve({ limits: { idleSeconds: 1 } });
		let end = () => {};
		easel.turn = new Promise<void>((resolve) => {
			end = resolve;
		});
		const socket = await connected();
		let text = '';
		socket.setEncoding('latin1').on('data', (chunk) => {
			text += chunk;
		});
		socket.write(`GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n${request}connection: close\r\n\r\n${body}`);
		await new Promise((resolve) => setTimeout(resolve, 2500));
		end();
		await once(socket, 'close');
		expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
	});

	test('who reads nothing for too long is cut off', async () => {
		await serve({ limits: { idleSeconds: 1 } });
		easel.size = 2048; // more than systems take into their buffers
		const socket = await connected();
		socket.pause();
		socket.write(`${request}accept: image/png\r\n\r\n${body}`);
		const connections = () => new Promise((resolve) => app.server.getConnections((_, count) => resolve(count)));
		await expect.poll(() => easel.calls).toBe(1);
		expect(await connections()).toBe(1);
		await expect.poll(connections, { timeout: 10_000 }).toBe(0);
		socket.destroy();
	}, 20_000);
});

describe('the end', () => {
	test('lets what is in progress finish, and takes no more', async () => {
		await serve();
		const { answer, end } = await painting(paint());
		const ended = reception.end(60);
		expect(await ask({ url: '/healthz' })).toMatchObject({ status: 200 });
		expect(await ask({ url: '/readyz' })).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
		const refused = await ask(paint());
		expect([refused.status, refused.code, refused.headers.connection]).toEqual([503, 'UNAVAILABLE', 'close']);
		end();
		expect((await answer).status).toBe(200);
		expect(await ended).toBe(true);
	});

	test('stops what takes too long, which is told so', async () => {
		await serve();
		const { answer } = await painting(paint());
		expect(await reception.end(0.01)).toBe(false);
		expect(await answer).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
		expect(reception.gate.images).toBe(0);
	});
});
