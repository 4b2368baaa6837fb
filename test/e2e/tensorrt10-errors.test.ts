// What NVIDIA's libraries say about failures, and what they log, with a library that fails as it is told to. In processes of their own,
// because the library's environment is that of a process.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { Graph } from '../../models/graph/graph.ts';
import { temporaryFolder } from '../checkpoint-samples.ts';
import { providers } from '../engines.ts';
import { insideFile } from '../inside.ts';

const library = join(dirname(insideFile), 'arc2face_recording_tensorrt.so');
const missing = [providers.tensorrt10, library].find((file) => !existsSync(file));
if (missing !== undefined) console.log(`Leaving out the errors of TensorRT 10: there is no ${missing}.`);

const folder = temporaryFolder();
const paths = { provider: providers.tensorrt10, core: library, parser: library };
/** Builds an engine (`build`) of the graph in a file, or runs one (`run`). */
const script = `
	process.stderr;
	const [inside, action, request, graph] = process.argv.slice(1);
	const given = JSON.parse(request);
	const { buildEngine, runEngine } = require(inside);
	try {
		if (action === 'build') buildEngine({ ...given, graph: require('node:fs').readFileSync(graph) });
		else runEngine({ ...given, engine: Buffer.from('an engine') });
		console.log('{}');
	} catch ({ code, message }) {
		console.log(JSON.stringify({ code, message }));
	}
`;
const environment = { ...process.env, TEST_TENSORRT_VERSION: '10.16.1.11' };

describe.skipIf(missing !== undefined)('TensorRT', () => {
	const file = folder.path('relu.onnx');
	beforeAll(async () => {
		const graph = new Graph('relu');
		graph.output('y', graph.node('Relu', [graph.input('x', 'float32', ['n', 4])]), 'float32', ['n', 4]);
		await writeFile(file, await graph.finish().encode());
	});

	const argv = (action: 'build' | 'run', request: object = {}) => {
		const all = { ...paths, ...(action === 'build' ? { name: 'relu', weights: [], profiles: [{}] } : {}), ...request };
		return ['-e', script, insideFile, action, JSON.stringify(all), file];
	};
	async function failure(call: string, how: string): Promise<{ code?: string; message: string }> {
		const action = /^(deserialize|createExecution|enqueue|update)/.test(call) ? 'run' : 'build';
		const env = { ...environment, TEST_TENSORRT_FAILS: `${call} ${how}` };
		const { stdout } = await promisify(execFile)(process.execPath, argv(action), { env });
		return JSON.parse(stdout);
	}

	const calls = [
		['createNetworkV2', 'Could not build the network relu'],
		['parseModelProto', 'Could not parse the network relu'],
		['createBuilderConfig', 'Could not build the network relu'],
		['addOptimizationProfile', 'A profile of the network relu is refused'],
		['buildSerializedNetworkToStream', 'Could not build the network relu'],
		['deserializeCudaEngine', "The engine can't be read"],
		['createExecutionContext', 'Could not make a context'],
		['updateDeviceMemorySizeForShapes', 'Could not choose the profile 0'],
		['enqueueV3', 'Could not run the engine'],
	] as const;

	test.each(calls)('whose %s fails is quoted, whether it records the reason or only logs it', async (call, what) => {
		const logged = `2: [api.cpp::${call}::7] Error Code 2: Internal Error (${call} ran aground)`;
		expect((await failure(call, 'logged')).message).toMatch(new RegExp(`${what}: ${escaped(logged)}$`));
		expect((await failure(call, 'recorded')).message).toMatch(new RegExp(`${what}: ${call} ran aground$`));
		// The log wraps what was recorded.
		expect((await failure(call, 'both')).message).toMatch(new RegExp(`${what}: ${call} ran aground$`));
	});

	test.each(['buildSerializedNetworkToStream', 'enqueueV3'])(
		'whose %s fails is quoted with all that it says, but for warnings',
		async (call) => {
			const { message } = await failure(call, 'differently');
			expect(message).toMatch(new RegExp(`: ${call} ran aground; The sea is shallow here\\.$`));
		},
	);

	test('is quoted when a thread of the builder logs the reason, but not when another thread logs during a call', async () => {
		expect((await failure('buildSerializedNetworkToStream', 'elsewhere')).message).toMatch(/ran aground\)$/);
		expect((await failure('enqueueV3', 'elsewhere')).message).toMatch(/: the runtime does not say why\.$/);
	});

	test('that logs without end is quoted from the beginning, within bounds', async () => {
		const { message } = await failure('buildSerializedNetworkToStream', 'endlessly');
		expect(message).toContain('Rock 0 was hit.; Rock 1 was hit.;');
		expect(message.length).toBeGreaterThan(1000);
		expect(message.length).toBeLessThan(2100);
	});

	test('that gives no reason is said to give none', async () => {
		expect((await failure('enqueueV3', 'silently')).message).toMatch(
			/Could not run the engine: the runtime does not say why\.$/,
		);
	});

	const messages = 20_000;
	function logging(): { child: ReturnType<typeof spawn>; ended: Promise<unknown[]> } {
		const env = { ...environment, ARC2FACE_LOG: 'verbose', TEST_TENSORRT_LOGS: `${messages}` };
		const child = spawn(process.execPath, argv('build'), { env, stdio: ['ignore', 'pipe', 'pipe'] });
		return { child, ended: once(child, 'exit') };
	}

	test('has every message of its log written to a pipe that is read slowly', async () => {
		const { child, ended } = logging();
		let text = '';
		for await (const part of child.stderr!) {
			text += part;
			await new Promise((resolve) => setTimeout(resolve, 2));
		}
		await ended;
		const seen = [...text.matchAll(/^arc2face: verbose: message (\d+)$/gm)].map(([, number]) => Number(number));
		expect(seen).toEqual(Array.from({ length: messages }, (_, i) => i));
	});

	test('ends although nobody reads its log', { timeout: 60_000 }, async () => {
		const { child, ended } = logging();
		child.stderr!.pause();
		expect(await ended).toEqual([0, null]);
	});

	/** The calls that the recording library has written into the engine file. */
	async function callsOf(timings: string, variables: NodeJS.ProcessEnv = {}): Promise<string[]> {
		const to = folder.path('timed.engine');
		const env = { ...environment, ...variables };
		await promisify(execFile)(process.execPath, argv('build', { to, timings }), { env });
		const engine = await readFile(to);
		return engine.toString('utf8', 0, engine.indexOf(0)).split('\n');
	}

	test('gets what earlier builds have timed, and begins anew where it refuses that or the file is damaged', async () => {
		const timings = folder.path('gpu.timings');
		const timed = async () => (await callsOf(timings)).filter((call) => call.startsWith('createTimingCache'));
		expect(await timed()).toEqual(['createTimingCache ']);
		const first = await readFile(timings);
		expect(await timed()).toEqual(['createTimingCache timed once']);
		expect(await readFile(timings)).toEqual(first);
		await writeFile(timings, first.subarray(1));
		expect(await timed()).toEqual(['createTimingCache ']);
		expect(await readFile(timings)).toEqual(first);
	});

	test('keeps what another process has timed meanwhile', async () => {
		const [own, other] = [folder.path('own.timings'), folder.path('other.timings')];
		await callsOf(other, { TEST_TENSORRT_TIMED: 'timed elsewhere' });
		await callsOf(own, { TEST_TENSORRT_MEANWHILE: `cp "${other}" "${own}"` });
		expect(await readFile(own, 'utf8')).toMatch(/^timed once and timed elsewhere/);
	});
});

function escaped(text: string): string {
	return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
