// Downloads, from a server of this test.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as undici from 'undici';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { judgeNames, judgePaths } from '../../lib/bundle/judges.ts';
import { extraPartOf, extraParts, type OfficialFile, officialParts } from '../../lib/bundle/official.ts';
import { type PullOptions, pull } from '../../lib/bundle/pull.ts';
import type { Patience } from '../../lib/bundle/request.ts';

vi.mock('undici', async (original) => ({ ...(await original<typeof undici>()) }));

const weights = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
const config = Buffer.from('{"layers_per_block": 2}');
const patience: Patience = { failures: 4, pauseMs: 1, longestPauseMs: 5, silenceMs: 300 };

const weightsFile: OfficialFile = {
	path: 'unet/weights.bin',
	source: { repository: 'someone/model', path: 'weights.bin' },
	bytes: weights.length,
	sha256: createHash('sha256').update(weights).digest('hex'),
};
const configFile: OfficialFile = {
	path: 'unet/config.json',
	source: { repository: 'someone/model', path: 'config.json' },
};

type Reply = (request: IncomingMessage, response: ServerResponse) => void;

/** One reply after another, then the last one forever. */
class ScriptedServer {
	readonly requests: IncomingMessage[] = [];
	replies: Reply[] = [];
	readonly #server = createServer((request, response) => {
		this.requests.push(request);
		const reply = this.replies.length > 1 ? this.replies.shift() : this.replies[0];
		reply?.(request, response);
	});

	async listen(): Promise<void> {
		await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
	}
	get endpoint(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}
	get ranges(): (string | undefined)[] {
		return this.requests.map((request) => request.headers.range);
	}
	async close(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((done) => this.#server.close(done));
	}
}

/** Serves ranges as a good server does. */
const serve =
	(body: Buffer, headers: Record<string, string> = { etag: '"v1"' }): Reply =>
	(request, response) => {
		const start = Number(request.headers.range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
		const current = request.headers['if-range'] === undefined || request.headers['if-range'] === headers.etag;
		if (start === 0 || !current) {
			response.writeHead(200, { ...headers, 'content-length': body.length }).end(body);
		} else if (start >= body.length) {
			response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
		} else {
			const rest = body.subarray(start);
			const range = `bytes ${start}-${body.length - 1}/${body.length}`;
			response.writeHead(206, { ...headers, 'content-length': rest.length, 'content-range': range }).end(rest);
		}
	};

/** Connections to cut once the client has written this many bytes: cut earlier, it might not have read what was sent. */
let cuts: { at: number; response: ServerResponse }[] = [];

/** Promises the rest of the file, sends `count` bytes of it, and cuts the connection. */
const breakAfter =
	(count: number, body = weights, headers: Record<string, string> = { etag: '"v1"' }): Reply =>
	(request, response) => {
		const start = Number(request.headers.range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
		const range = { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` };
		response.writeHead(start === 0 ? 200 : 206, {
			...headers,
			...(start === 0 ? {} : range),
			'content-length': body.length - start,
		});
		response.write(body.subarray(start, start + count));
		cuts.push({ at: start + count, response });
	};

const status =
	(code: number, headers: Record<string, string> = {}): Reply =>
	(_, response) => {
		response.writeHead(code, headers).end('no');
	};

let server: ScriptedServer;
let folder: string;
beforeEach(async () => {
	server = new ScriptedServer();
	cuts = [];
	await server.listen();
	folder = await mkdtemp(join(tmpdir(), 'arc2face-pull-'));
});
afterEach(async () => {
	vi.restoreAllMocks();
	vi.unstubAllEnvs();
	await server.close();
	await rm(folder, { recursive: true, force: true });
});

const run = (options: Partial<PullOptions> = {}) =>
	pull({
		folder,
		files: [weightsFile],
		endpoint: options.endpoint ?? server.endpoint,
		token: '',
		patience,
		...options,
		onProgress(progress) {
			options.onProgress?.(progress);
			for (const { at, response } of cuts) if (progress.done === at) response.destroy();
		},
	});
const onDisk = (path = weightsFile.path) => readFile(join(folder, path));
const names = async () => (await readdir(join(folder, 'unet'))).sort();
async function put(path: string, bytes: Uint8Array): Promise<void> {
	await mkdir(dirname(join(folder, path)), { recursive: true });
	await writeFile(join(folder, path), bytes);
}

describe('pull', () => {
	test('downloads, checks and renames; leaves nothing else behind', async () => {
		server.replies = [serve(weights)];
		expect(await run()).toEqual([{ path: weightsFile.path, bytes: weights.length, state: 'downloaded' }]);
		expect((await onDisk()).equals(weights)).toBe(true);
		expect(await readdir(folder)).toEqual(['unet']);
		expect(await names()).toEqual(['weights.bin']);
		expect(server.requests[0]?.url).toBe('/someone/model/resolve/main/weights.bin');
	});

	test('asks for nothing when all is there and right', async () => {
		server.replies = [serve(weights)];
		await run();
		expect(await run()).toEqual([{ path: weightsFile.path, bytes: weights.length, state: 'present' }]);
		expect(server.requests).toHaveLength(1);
	});

	test('replaces a file whose bytes have changed, although its size is right', async () => {
		const damaged = Buffer.from(weights);
		damaged[77] = (damaged[77] ?? 0) ^ 1;
		await put(weightsFile.path, damaged);
		server.replies = [serve(weights)];
		expect((await run())[0]?.state).toBe('downloaded');
		expect((await onDisk()).equals(weights)).toBe(true);
	});

	test('tells progress in bytes, up to the whole', async () => {
		server.replies = [serve(weights)];
		const seen: { path: string; phase: string; done: number; total: number | undefined }[] = [];
		await run({ onProgress: (progress) => seen.push(progress) });
		const downloading = seen.filter(({ phase }) => phase === 'downloading');
		expect(downloading.at(-1)).toEqual({
			path: weightsFile.path,
			phase: 'downloading',
			done: weights.length,
			total: weights.length,
		});
		expect(downloading.every(({ done }, i) => done >= (downloading[i - 1]?.done ?? 0))).toBe(true);
		expect(seen.at(-1)).toMatchObject({ phase: 'verifying', done: weights.length });
	});

	describe('on a broken connection', () => {
		test('goes on where it stopped, guarded by the version it began with', async () => {
			server.replies = [breakAfter(30_000), breakAfter(20_000), serve(weights)];
			const retries: string[] = [];
			await run({ onRetry: ({ path }) => retries.push(path) });
			expect((await onDisk()).equals(weights)).toBe(true);
			expect(server.ranges).toEqual([undefined, 'bytes=30000-', 'bytes=50000-']);
			expect(server.requests[1]?.headers['if-range']).toBe('"v1"');
			expect(retries).toEqual([weightsFile.path, weightsFile.path]);
		});

		test('goes on in the next pull', async () => {
			server.replies = [breakAfter(40_000), status(503)];
			await expect(run()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
			expect(await names()).toEqual(['weights.bin.part']);
			server.replies = [serve(weights)];
			await run();
			expect(server.ranges.at(-1)).toBe('bytes=40000-');
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('has no limit as long as each connection brings something', async () => {
			const slices = Array.from({ length: patience.failures * 3 }, () => breakAfter(5_000));
			server.replies = [...slices, serve(weights)];
			await run();
			expect(server.requests).toHaveLength(slices.length + 1);
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('gives up on a server that cannot resume and always breaks at the same place', async () => {
			server.replies = [
				(_, response) => {
					response.writeHead(200, { 'content-length': weights.length });
					response.write(weights.subarray(0, 30_000));
					cuts.push({ at: 30_000, response });
				},
			];
			await expect(run()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
			expect(server.requests).toHaveLength(patience.failures);
		});

		test('gives up on a server that is not there, naming the reason', async () => {
			const endpoint = server.endpoint;
			await server.close();
			await expect(run({ endpoint })).rejects.toThrow(/weights\.bin after 4 failures in a row.*ECONNREFUSED/);
			await server.listen(); // for afterEach
		});

		// What Node's fetch throws for a name that is not found, which no test can count on the network to say.
		const nameNotFound = () => {
			const cause = Object.assign(new Error('getaddrinfo ENOTFOUND hub.invalid'), { code: 'ENOTFOUND' });
			return Promise.reject(new TypeError('fetch failed', { cause }));
		};

		test('gives up at once on a name that is not found, naming the server and who named it', async () => {
			vi.stubEnv('HF_ENDPOINT', 'http://hub.invalid/mirror');
			const asked = vi.spyOn(undici, 'fetch').mockImplementation(nameNotFound);
			const failure = run({ endpoint: 'http://hub.invalid/mirror' });
			await expect(failure).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
			await expect(failure).rejects.toThrow(/server hub\.invalid, which HF_ENDPOINT names: .*ENOTFOUND.*HTTPS_PROXY/);
			expect(asked).toHaveBeenCalledTimes(1);
		});

		test('waits for a name that was found a moment ago', async () => {
			server.replies = [breakAfter(30_000), serve(weights)];
			const { fetch } = undici;
			let asked = 0;
			vi.spyOn(undici, 'fetch').mockImplementation((...request) =>
				++asked === 2 ? nameNotFound() : fetch(...request),
			);
			await run();
			expect(asked).toBe(3);
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('gives up at once on a port that fetch refuses', async () => {
			const retries: string[] = [];
			const failure = run({ endpoint: 'http://127.0.0.1:1', onRetry: ({ reason }) => retries.push(reason) });
			await expect(failure).rejects.toThrow("Can't reach the server 127.0.0.1:1: bad port.");
			expect(retries).toEqual([]);
		});

		test('starts over when the server ignores the range', async () => {
			server.replies = [
				breakAfter(30_000),
				(_, response) => response.writeHead(200, { 'content-length': weights.length }).end(weights),
			];
			await run();
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('starts over when the file has changed on the server', async () => {
			const other = Buffer.alloc(weights.length, 7);
			server.replies = [breakAfter(30_000, other, { etag: '"v0"' }), serve(weights)];
			await run();
			expect(server.requests).toHaveLength(2);
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test.each([
			['another start', 'bytes 10-99999/100000'],
			['a gap at the end', 'bytes 30000-50000/100000'],
			['nonsense', 'bytes all'],
		])('starts over when the range received has %s', async (_, range) => {
			server.replies = [
				breakAfter(30_000),
				(_, response) => response.writeHead(206, { 'content-range': range }).end(weights.subarray(30_000)),
				serve(weights),
			];
			await run();
			expect(server.ranges.at(-1)).toBeUndefined();
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('starts over when the part is longer than the file', async () => {
			await put(`${weightsFile.path}.part`, Buffer.alloc(weights.length + 5));
			server.replies = [serve(weights)];
			await run();
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('takes a whole part without asking again', async () => {
			await put(`${weightsFile.path}.part`, weights);
			await run();
			expect(server.requests).toHaveLength(0);
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('takes silence for a broken connection', async () => {
			server.replies = [
				(_, response) => {
					response.writeHead(200, { 'content-length': weights.length });
					response.write(weights.subarray(0, 30_000));
				},
				serve(weights),
			];
			await run();
			expect(server.ranges).toEqual([undefined, 'bytes=30000-']);
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('never joins halves of a file that has neither checksum nor version', async () => {
			server.replies = [breakAfter(5, config, {}), serve(config, {})];
			await run({ files: [configFile] });
			expect(server.ranges).toEqual([undefined, undefined]);
			expect((await onDisk(configFile.path)).equals(config)).toBe(true);
		});
	});

	describe('on wrong bytes', () => {
		const corrupt = Buffer.from(weights);
		corrupt[50_000] = (corrupt[50_000] ?? 0) ^ 255;

		test('deletes them and tries once more', async () => {
			server.replies = [serve(corrupt), serve(weights)];
			await run();
			expect(server.ranges).toEqual([undefined, undefined]);
			expect((await onDisk()).equals(weights)).toBe(true);
		});

		test('fails the second time, naming file and checksum, and keeps nothing', async () => {
			server.replies = [serve(corrupt)];
			const failure = run();
			await expect(failure).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
			await expect(failure).rejects.toThrow(weightsFile.sha256);
			await expect(failure).rejects.toThrow('weights.bin');
			expect(server.requests).toHaveLength(2);
			expect(await names()).toEqual([]);
		});

		test('refuses another size before the first byte', async () => {
			server.replies = [serve(weights.subarray(1))];
			await expect(run()).rejects.toThrow('Expected 100000 bytes');
			expect(server.requests).toHaveLength(1);
		});

		test('refuses another checksum before the first byte', async () => {
			const linked = { 'x-linked-etag': `"${'0'.repeat(64)}"` };
			server.replies = [serve(weights, linked)];
			await expect(run()).rejects.toThrow(`offers ${'0'.repeat(64)}`);
			expect(server.requests).toHaveLength(1);
		});

		test('refuses more bytes than promised', async () => {
			server.replies = [(_, response) => response.writeHead(200).end(Buffer.concat([weights, weights]))];
			await expect(run()).rejects.toThrow('received more');
		});
	});

	describe('a file whose checksum only the server knows', () => {
		const gitBlob = createHash('sha1').update(`blob ${config.length}\0`).update(config).digest('hex');
		const sha256 = createHash('sha256').update(config).digest('hex');

		test.each([
			['Git blob', { etag: `"${gitBlob}"`, 'x-repo-commit': 'abc' }],
			['SHA-256', { 'x-linked-etag': `"${sha256}"` }],
		])('is checked by its %s', async (_, headers) => {
			const wrong = Buffer.from(config.toString().replace('2', '3'));
			server.replies = [serve(wrong, headers as unknown as Record<string, string>), serve(config, headers as never)];
			await run({ files: [configFile] });
			expect(server.requests).toHaveLength(2);
			expect((await onDisk(configFile.path)).equals(config)).toBe(true);
		});

		test('is taken as it is from a server whose tags mean something else', async () => {
			server.replies = [serve(config, { etag: `"${'1'.repeat(40)}"` })];
			expect(await run({ files: [configFile] })).toEqual([
				{ path: configFile.path, bytes: config.length, state: 'downloaded' },
			]);
		});

		test('is downloaded again when it is no JSON any more', async () => {
			await put(configFile.path, Buffer.from('{"layers_'));
			server.replies = [serve(config)];
			expect((await run({ files: [configFile] }))[0]?.state).toBe('downloaded');
		});
	});

	describe('on a refusal', () => {
		test.each([
			[404, 'HF_ENDPOINT'],
			[401, 'set HF_TOKEN'],
			[403, 'set HF_TOKEN'],
		])('%i fails at once and says what to do', async (code, remedy) => {
			server.replies = [status(code)];
			const failure = run();
			await expect(failure).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
			await expect(failure).rejects.toThrow(remedy);
			expect(server.requests).toHaveLength(1);
		});

		test.each([408, 429, 500, 502, 503])('%i is tried again', async (code) => {
			server.replies = [status(code, { 'retry-after': '0' }), serve(weights)];
			await run();
			expect((await onDisk()).equals(weights)).toBe(true);
		});
	});

	describe('through redirects', () => {
		test('reads the checksum that the first server states, and keeps the token from the second', async () => {
			const store = new ScriptedServer();
			await store.listen();
			try {
				store.replies = [serve(weights)];
				const linked = { 'x-linked-etag': `"${weightsFile.sha256}"` };
				server.replies = [
					status(307, { location: '/moved/weights.bin' }),
					status(302, { location: `${store.endpoint}/blob`, ...linked }),
				];
				await run({ token: 'hf_secret' });
				expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
					'Bearer hf_secret',
					'Bearer hf_secret',
				]);
				expect(store.requests[0]?.headers.authorization).toBeUndefined();
				expect((await onDisk()).equals(weights)).toBe(true);
			} finally {
				await store.close();
			}
		});

		test('gives up on a circle', async () => {
			server.replies = [status(302, { location: '/again' })];
			await expect(run()).rejects.toThrow('redirects');
		});

		test('keeps the token from a URL that is not of the endpoint', async () => {
			server.replies = [serve(weights)];
			const files = [{ ...weightsFile, source: `${server.endpoint}/elsewhere.bin` }];
			await run({ files, endpoint: 'http://127.0.0.1:9', token: 'hf_secret' });
			expect(server.requests[0]?.headers.authorization).toBeUndefined();
		});
	});

	test('stops when told to, and goes on from there later', async () => {
		server.replies = [
			(_, response) => {
				response.writeHead(200, { 'content-length': weights.length });
				response.write(weights.subarray(0, 30_000));
			},
		];
		const controller = new AbortController();
		const stopped = run({
			signal: controller.signal,
			onProgress: ({ done }) => {
				if (done === 30_000) controller.abort();
			},
		});
		await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
		expect(await readdir(folder)).toEqual(['unet']);
		server.replies = [serve(weights)];
		await run();
		expect(server.ranges.at(-1)).toBe('bytes=30000-');
		expect((await onDisk()).equals(weights)).toBe(true);
	});

	test('does not start when it was stopped before', async () => {
		await expect(run({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
		expect(server.requests).toHaveLength(0);
	});

	test('two pulls at once download once', async () => {
		server.replies = [
			(request, response) => {
				setTimeout(() => serve(weights)(request, response), 100);
			},
		];
		let waited = 0;
		const onWait = () => {
			waited++;
		};
		const results = await Promise.all([run({ onWait }), run({ onWait })]);
		expect(server.requests).toHaveLength(1);
		expect(results.map(([file]) => file?.state).sort()).toEqual(['downloaded', 'present']);
		expect(waited).toBe(1);
		expect((await onDisk()).equals(weights)).toBe(true);
	});

	test('a file that cannot fit on the disk is refused before it is asked for', async () => {
		const files = [{ ...weightsFile, bytes: Number.MAX_SAFE_INTEGER }];
		const failure = run({ files });
		await expect(failure).rejects.toMatchObject({ code: 'FILE_FAILED' });
		await expect(failure).rejects.toThrow('free space');
		expect(server.requests).toHaveLength(0);
	});

	test('a folder that cannot be made is named', async () => {
		await put('unet/config.json', config);
		const failure = run({ folder: join(folder, 'unet/config.json') });
		await expect(failure).rejects.toMatchObject({ code: 'FILE_FAILED' });
		await expect(failure).rejects.toThrow('config.json');
	});

	test.each(['not a url', 'ftp://example.org', ''])('the endpoint %j is refused', async (endpoint) => {
		await expect(run({ endpoint })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
	});
});

describe('the table of official files', () => {
	const files: OfficialFile[] = Object.values(officialParts).flatMap((part) => [...part.files]);

	test('puts every file in a place of its own', () => {
		const paths = files.map(({ path }) => path);
		expect(new Set(paths).size).toBe(paths.length);
		for (const path of paths) expect(path).toMatch(/^[\w-]+\/[\w.-]+$/);
	});

	test('has what judges images as a part on request, where it is looked for', () => {
		expect(extraParts).toContain('evaluation');
		const paths = judgeNames.flatMap((name) => judgePaths('', name));
		expect(officialParts.evaluation.files.map(({ path }) => join(path)).sort()).toEqual(paths.sort());
		expect(paths).toHaveLength(3);
		for (const path of ['evaluation', 'evaluation/alex.pth']) expect(extraPartOf(path)).toBe('evaluation');
	});

	test('knows the checksums that names of files begin', () => {
		const named = files.flatMap(({ path, sha256 }) => {
			const start = /-([0-9a-f]{8})\.pth$/.exec(path)?.[1];
			return start === undefined ? [] : [[start, sha256?.slice(0, 8)]];
		});
		expect(named).toEqual([
			['6726825d', '6726825d'],
			['7be5be79', '7be5be79'],
		]);
	});

	test('knows size and checksum together or not at all', () => {
		for (const { bytes, sha256 } of files) {
			expect(bytes === undefined).toBe(sha256 === undefined);
			if (sha256 !== undefined) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
		}
	});
});
