// Requests that no client should send: hostile bodies of every form, and what schemathesis makes of our own OpenAPI document. Nothing but documented answers comes, nothing
// crashes, nothing is left behind. ARC2FACE_TEST_REQUESTS says how many.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Arc2Face } from '../../lib/index.ts';
import type { JobWorker } from '../../lib/jobs/job.ts';
import { type OpenedJobs, openJobs } from '../../lib/jobs/open.ts';
import { packageRoot } from '../../lib/package.ts';
import { portraitApp } from '../../lib/server/app.ts';
import { Reception } from '../../lib/server/reception.ts';
import { explain, work } from '../../lib/server/work.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';

const requests = Number(process.env.ARC2FACE_TEST_REQUESTS ?? 300);
const folder = temporaryFolder();
const photo = await readFile(join(packageRoot, 'test/fixtures/faces/person-06-0.jpg'));
const base64 = photo.toString('base64');

let model: Arc2Face;
let app: FastifyInstance;
let reception: Reception;
let jobs: OpenedJobs;
let worker: JobWorker;
let url: string;
let port: number;
const faults: unknown[] = [];
beforeAll(async () => {
	model = await Arc2Face.load({ bundle: 'tiny', edit: true, control: true, expression: true, reference: true });
	reception = await Reception.open();
	jobs = await openJobs({ file: folder.path('jobs.db'), explain });
	const stream = { write: (line: string) => line.includes('"level":"error"') && faults.push(line) };
	app = await portraitApp({
		...{ model, reception, jobs: { ...jobs, most: 1e6 }, log: { stream: stream as never, json: true } },
		// A request of schemathesis may ask for a thousand images of 2048 pixels in a thousand steps.
		limits: { images: 2, imagePixels: 2 * 96 * 96, bodyBytes: 1_000_000, photoPixels: 1_000_000 },
	});
	// Without one, whoever follows a job would wait for ever.
	worker = work(jobs, model, (error) => faults.push(error));
	url = await app.listen({ port: 0, host: '127.0.0.1' });
	port = Number(new URL(url).port);
	process.on('unhandledRejection', (error) => faults.push(error));
});
afterAll(async () => {
	await worker.close(0);
	await app.close();
	reception.close();
	await jobs.queue.close();
	await model.dispose();
});

/** The same on every run. */
function numbersOf(seed: number): () => number {
	let state = seed;
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return state / 2 ** 32;
	};
}

const routes = ['/v1/identities', '/v1/portraits', '/v1/jobs'];
const names = 'photo identity identities face count steps seed sampler width height latents recipe check preview image mask control reference expression guidanceInterval purpose format quality priority'.split(' '); // biome-ignore format: one line
const oddities: unknown[] = [
	...[null, true, '', 'x', -1, 0, 1e308, 0.5, [], {}, [[]], '\u0000', '🙂'.repeat(1000), 'A'.repeat(10_000)],
	...[{ embedding: [] }, { embedding: Array(512).fill(0) }, { embedding: Array(512).fill('1') }, Array(5).fill([0, 0])],
	...[
		'data:image/png;base64,',
		`data:image/png;base64,${base64.slice(0, 500)}`,
		base64.slice(0, 4000),
		'__proto__',
		'../../etc/passwd',
	],
];

/** Requests that are wrong in some way, or nearly right. */
function hostile(random: () => number): { path: string; init: RequestInit } {
	const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
	const path = pick(routes);
	const body = Object.fromEntries(
		Array.from({ length: 1 + Math.floor(random() * 4) }, () => [pick(names), pick(oddities)]),
	);
	if (random() < 0.4) body.photo = base64;
	body.steps ??= 1;
	const text = JSON.stringify(body);
	const type = { 'content-type': 'application/json' };
	switch (Math.floor(random() * 8)) {
		case 0:
			return { path, init: { method: 'POST', headers: type, body: text.slice(0, Math.floor(random() * text.length)) } };
		case 1:
			return { path, init: { method: 'POST', headers: { 'content-type': pick(['text/plain', 'application/xml', 'a/b', 'multipart/form-data', 'image/png; x="']) }, body: text } }; // biome-ignore format: one line
		case 2: {
			const damaged = Buffer.from(photo);
			for (let i = 0; i < 1 + random() * 40; i++)
				damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
			return { path: routes[0]!, init: { method: 'POST', headers: { 'content-type': 'image/jpeg' }, body: damaged } };
		}
		case 3: {
			const boundary = pick(['x', 'x'.repeat(300), '-----']);
			const parts = Array.from({ length: Math.floor(random() * 4) }, () => {
				const head = pick([`Content-Disposition: form-data; name="${pick(names)}"`, 'Content-Disposition: x', `Content-Disposition: form-data; name="photo"; filename="${'../'.repeat(9)}"`, '']); // biome-ignore format: one line
				return `--${boundary}\r\n${head}\r\n\r\n${pick([text, '1', '[', ''])}\r\n`;
			});
			const end = pick([`--${boundary}--\r\n`, '', `--${boundary}`]);
			return { path, init: { method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body: parts.join('') + end } }; // biome-ignore format: one line
		}
		case 4:
			return { path, init: { method: 'POST', headers: { ...type, accept: pick(['*', 'image/png', 'x', ',,,', 'text/event-stream', 'multipart/mixed']), 'idempotency-key': pick(['', 'k', 'k'.repeat(300)]) }, body: text } }; // biome-ignore format: one line
		case 5:
			return { path: `${path}/${encodeURIComponent(pick(['..', '%', '\u0000', 'x'.repeat(5000), '__proto__']))}`, init: { method: pick(['GET', 'DELETE', 'PUT']) } }; // biome-ignore format: one line
		case 6: {
			const depth = 1 + Math.floor(random() * 30_000);
			return {
				path,
				init: { method: 'POST', headers: type, body: `${'{"recipe":'.repeat(depth)}1${'}'.repeat(depth)}` },
			};
		}
		default:
			return { path, init: { method: 'POST', headers: type, body: text } };
	}
}

/** Statuses that the document of the server tells of. */
const documented = new Set([
	200, 202, 204, 400, 401, 403, 404, 405, 406, 408, 409, 413, 414, 415, 422, 429, 431, 501, 503,
]);

async function answerTo(address: string, init: RequestInit) {
	const response = await fetch(address, { ...init, signal: AbortSignal.timeout(60_000) });
	const isProblem = response.headers.get('content-type')?.includes('problem+json') ?? false;
	return { status: response.status, isProblem, text: await response.text() };
}

test(
	`${requests} hostile requests get documented answers, and no fault`,
	async () => {
		const random = numbersOf(17);
		const odd: unknown[] = [];
		const counts = new Map<number, number>();
		const memory: number[] = [];
		for (let i = 0; i < requests; i++) {
			const { path, init } = hostile(random);
			const asked = [i, path.slice(0, 100), String(init.body).slice(0, 300)];
			const answer = await answerTo(url + path, init).catch((error: unknown) => String(error));
			memory.push(process.memoryUsage.rss());
			if (typeof answer === 'string') {
				odd.push([answer, ...asked, init.headers]);
				continue;
			}
			const { status, isProblem, text } = answer;
			counts.set(status, (counts.get(status) ?? 0) + 1);
			const isRight = documented.has(status) && (status < 400 || (isProblem && 'code' in JSON.parse(text)));
			if (!isRight) odd.push([status, ...asked, text.slice(0, 300)]);
		}
		expect(odd).toEqual([]);
		expect(faults).toEqual([]);
		expect(counts.get(400)).toBeGreaterThan(requests / 10);
		await expect.poll(() => model.usage.images, { timeout: 120_000 }).toBe(0);
		expect((await fetch(`${url}/readyz`)).status).toBe(200);
		const quarter = Math.floor(requests / 4);
		const most = [1, 3].map((nth) => Math.max(...memory.slice(nth * quarter, (nth + 1) * quarter)) / 1e6);
		console.log(`most memory in the second quarter ${most[0]!.toFixed(0)} MB, in the last ${most[1]!.toFixed(0)} MB`);
		expect(most[1]! - most[0]!, 'megabytes').toBeLessThan(150);
	},
	requests * 200 + 60_000,
);

test('what is no HTTP, and connections that are cut, harm nobody', async () => {
	const texts = [
		'\r\n\r\n',
		'GET',
		`GET / HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(100_000)}\r\n\r\n`,
		'POST /v1/portraits HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
	];
	for (const text of [
		...texts,
		randomBytes(1000).toString('latin1'),
		'POST /v1/portraits HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
	]) {
		const socket = connect(port, '127.0.0.1');
		await once(socket, 'connect');
		socket.on('error', () => {});
		socket.write(text, 'latin1');
		await new Promise((resolve) => setImmediate(resolve));
		socket.destroy();
		expect((await fetch(`${url}/healthz`)).status).toBe(200);
	}
	expect(faults).toEqual([]);
});

const python = process.env.ARC2FACE_TEST_PYTHON;
if (python === undefined) console.log('Leaving out schemathesis: ARC2FACE_TEST_PYTHON names no Python that has it.');

test.skipIf(python === undefined)(
	'schemathesis finds nothing',
	async () => {
		const examples = String(Math.max(10, Math.round(requests / 12)));
		const checks =
			'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method,allow_header_conformance';
		const args = [
			'run',
			`${url}/openapi.json`,
			'--checks',
			checks,
			'--max-examples',
			examples,
			'--phases',
			'examples,coverage,fuzzing',
		];
		const more = [
			'--suppress-health-check',
			'all',
			'--request-timeout',
			'60',
			'--seed',
			'1',
			'--no-color',
			'--warnings',
			'off',
		];
		const child = spawn(join(python!, '../schemathesis'), [...args, ...more], { cwd: folder.path('.') });
		let said = '';
		for (const stream of [child.stdout, child.stderr]) {
			stream.on('data', (text) => {
				said += text;
			});
		}
		const [code] = await once(child, 'close');
		expect(said.slice(-6000)).not.toContain('FAILURES');
		expect([code, said.slice(-3000)]).toEqual([0, expect.any(String)]);
		console.log(said.slice(-700));
		expect(faults).toEqual([]);
		await expect.poll(() => model.usage.images, { timeout: 120_000 }).toBe(0);
	},
	requests * 600 + 600_000,
);
