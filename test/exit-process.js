// A process that ends while the package works; started by e2e/exits.test.ts. Its argument is JSON: what works (`call`), where (`thread`:
// main or worker), and how (`end`) and after how many milliseconds (`after`) it ends. As it ends it writes the time to stdout.
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const require = createRequire(import.meta.url);
const scene = isMainThread ? JSON.parse(process.argv[2]) : workerData;
require(scene.slowExit);
const inWorker = scene.thread === 'worker';
const pixels = {
	width: 96,
	height: 96,
	channels: 3,
	data: Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => i % 251),
};
const identity = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
const keypoints = [
	[30, 35],
	[60, 36],
	[45, 55],
	[35, 70],
	[58, 71],
];

/** Each works until the process ends. */
const calls = {
	load: async (Arc2Face, options) => {
		for (;;) await (await Arc2Face.load(options)).dispose();
	},
	build: async (Arc2Face, options) => {
		for (let i = 0; ; i++)
			await (await Arc2Face.load({ ...options, cacheDir: join(options.cacheDir, `${i}`) })).dispose();
	},
	detect: withModel((model, signal) => model.detect(pixels, { signal })),
	encode: withModel((model, signal) => model.encode(pixels, { face: { keypoints }, signal })),
	generate: withModel((model, signal) => model.generate(identity, { steps: 20, signal })),
	all: withModel((model, signal) =>
		Promise.all([
			model.detect(pixels, { signal }),
			model.encode(pixels, { face: { keypoints }, signal }),
			model.generate(identity, { steps: 3, signal }),
		]),
	),
};

function withModel(use) {
	return async (Arc2Face, options, signal) => {
		const model = await Arc2Face.load(options);
		begins();
		while (!signal.aborted) await use(model, signal);
	};
}

const stopping = new AbortController();
const say = () => writeSync(1, `${Date.now()}\n`);
const ends = {
	exit: () => process.exit(7),
	throw: () => {
		throw new Error('on purpose');
	},
	reject: () => void Promise.reject(new Error('on purpose')),
	SIGTERM: () => process.kill(process.pid, 'SIGTERM'),
	/** Nothing is left to do, and the model is not disposed. */
	finish: () => {
		process.exitCode = 7;
		stopping.abort();
	},
};

/** Calls `begins` when native work begins: the JavaScript before it takes longer than the moments that matter. */
function onNativeCall(begins) {
	const native = require('node-gyp-build')(fileURLToPath(new URL('..', import.meta.url)));
	for (const name of ['load', 'buildEngine']) {
		const call = native[name];
		native[name] = (request) => {
			begins();
			return call.call(native, request);
		};
	}
}

let begun = false;
/** The clock runs from here. */
function begins() {
	if (begun) return;
	begun = true;
	if (inWorker && scene.end in workerEnds) parentPort.postMessage('');
	else setTimeout(endNow, scene.after);
}
function endNow() {
	say();
	ends[scene.end]();
}

/** Ends caused by the main thread while a worker works. */
const workerEnds = {
	mainExits: () => process.exit(7),
	terminate: async (worker) => {
		process.exitCode = 7;
		await worker.terminate();
	},
};

if (inWorker && isMainThread) {
	const worker = new Worker(new URL(import.meta.url), { workerData: scene });
	worker.once('message', () =>
		setTimeout(() => {
			say();
			workerEnds[scene.end](worker);
		}, scene.after),
	);
	worker.once('exit', (code) => {
		process.exitCode ??= code;
	});
} else {
	const { Arc2Face } = await import('../dist/lib/index.js');
	if (scene.call === 'load' || scene.call === 'build') onNativeCall(begins);
	await calls[scene.call](Arc2Face, scene.options, stopping.signal).catch((error) => {
		if (error.name !== 'AbortError') throw error;
	});
}
