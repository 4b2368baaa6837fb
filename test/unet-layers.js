/**
 * Builds an engine of a UNet in fp16, for two rows, by TensorRT-RTX, which needs no GPU, and reads from the builder's log which
 * nodes of the graph became one layer: checks that every attention is one kernel, every group norm one that gathers
 * its statistics in fp32, and that what depends on nothing but the prompt or the timestep is one product each. Usage, after
 * `npm run build` and `npm run toolchain`:
 *
 *   node test/unet-layers.js --bundle <folder>
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildOne } from './one-engine.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { bundle: { type: 'string' }, build: { type: 'boolean', default: false } } });
if (values.bundle === undefined) throw new Error('Expected --bundle with the folder of a model.');
if (values.build) await build(values.bundle);
else check(layersOf(logOfBuild(values.bundle)));

/** @param {string} bundle */
async function build(bundle) {
	const { readUNetConfig, unet } = await import('../dist/models/unet.js');
	const [rows, tokens] = [2, 77];
	const folder = mkdtempSync(join(tmpdir(), 'arc2face-unet-layers-'));
	try {
		await buildOne(
			join(bundle, 'arc2face'),
			{
				...{ name: 'unet', readConfig: readUNetConfig, define: unet },
				profile: ({ inChannels, conditioningSize, sampleSize = 64 }) => ({
					sample: [rows, inChannels, sampleSize, sampleSize],
					timestep: [rows],
					encoder_hidden_states: [rows, tokens, conditioningSize],
				}),
			},
			{ to: join(folder, 'unet.engine'), inspectable: true },
		);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** What the builder logs, from a process of its own, because none reads its own stderr. @param {string} bundle */
function logOfBuild(bundle) {
	const libraries = join(root, '.toolchain/tensorrt-rtx/tensorrt_rtx_libs');
	const argv = [fileURLToPath(import.meta.url), '--bundle', bundle, '--build'];
	const { status, stderr } = spawnSync(process.execPath, argv, {
		env: { ARC2FACE_TENSORRT: libraries, ...process.env, ARC2FACE_LOG: 'verbose' },
		encoding: 'utf8',
		maxBuffer: 2 ** 28,
	});
	if (status !== 0) throw new Error(`The build failed: ${stderr.slice(-3000)}`);
	return stderr;
}

/**
 * @typedef {{ name: string, kind: string, nodes: string[], floats: number }} Layer - `nodes`: those of the graph that it computes;
 *   `floats`: how many tensors in fp32 it reads or writes, constants left out
 * @param {string} log @returns {Layer[]}
 */
function layersOf(log) {
	const lines = log.matchAll(/^Name: (.*?), LayerType: (\w+), (Inputs: .*?), TacticName: .*$/gm);
	// Those without inputs only clear memory for another.
	const computing = [...lines].filter(([, , , tensors = '']) => !tensors.startsWith('Inputs: []'));
	return computing.map(([line, name = '', kind = '', tensors = '']) => ({
		...{ name, kind },
		nodes: [...line.matchAll(/\[ONNX Layer: ([^\]]+)\]/g)].map(([, node = '']) => node),
		floats: tensors.replace(/Constants: \[.*?\], Outputs/, 'Outputs').split('Datatype: Float,').length - 1,
	}));
}

/** @param {Layer[]} layers */
function check(layers) {
	const nodes = layers.flatMap((layer) => layer.nodes);
	/** The layers that compute a node. @param {string} node */
	const computing = (node) => layers.filter((layer) => layer.nodes.includes(node));
	/** Whether one layer alone computes all of these. @param {string[]} together */
	const areOneLayer = (together) => new Set(together.flatMap(computing)).size === 1;

	const attentions = unique(nodes, /^(.*\.attn[12])\.Softmax$/);
	const fused = attentions.filter((at) => areOneLayer([`${at}.MatMul`, `${at}.Softmax`, `${at}.MatMul_1`]));
	const norms = unique(nodes, /^(.*)\.InstanceNormalization$/);
	const whole = norms.filter((at) => areOneLayer([`${at}.InstanceNormalization`, `${at}.Mul`, `${at}.Add`]));
	const exact = whole.filter((at) => computing(`${at}.InstanceNormalization`).every(({ floats }) => floats > 0));
	/** How many products there are of a kind, and how many layers compute them. @param {RegExp} pattern */
	const products = (pattern) => {
		const found = unique(nodes, pattern);
		const matrices = layers.filter((layer) => layer.kind === 'gemm' && found.some((one) => layer.nodes.includes(one)));
		return { found, matrices };
	};
	const prompt = products(/^(.*\.attn2\.to_[kv]\.Gemm)$/);
	const timestep = products(/^(.*\.time_emb_proj\.Gemm)$/);
	const inFloat = layers.filter(({ floats }) => floats > 0);
	// Angles of the timestep; norms; what the builder splits a layer norm into.
	const meant = inFloat.filter((layer) => layer.nodes.some((node) => /time_proj\.|norm/.test(node)));
	const moves = layers.filter(
		(layer) => layer.kind === 'kgen' && !layer.nodes.some((node) => !/Reshape|Transpose/.test(node)),
	);

	console.log(`Layers: ${layers.length}, of which ${moves.length} only move data`);
	console.log(`Attentions in one layer: ${fused.length} of ${attentions.length}`);
	console.log(`Group norms in one layer: ${whole.length} of ${norms.length}, with statistics in fp32: ${exact.length}`);
	console.log(`Keys and values of the prompt: ${prompt.found.length}, in ${prompt.matrices.length} layer`);
	console.log(`Shifts of the timestep: ${timestep.found.length}, in ${timestep.matrices.length} layer`);
	console.log(`Layers with tensors in fp32: ${inFloat.length}, of which meant: ${meant.length}`);
	expect(attentions.length > 0 && fused.length === attentions.length, 'every attention is one layer');
	expect(norms.length > 0 && exact.length === norms.length, 'every group norm is one layer with statistics in fp32');
	for (const { found, matrices } of [prompt, timestep]) {
		expect(found.length > 0 && matrices.length === 1, `one layer has all products of the kind of ${found[0]}`);
	}
	expect(
		meant.length === inFloat.length,
		`only norms and the timestep are in fp32, not ${inFloat.filter((one) => !meant.includes(one)).map(({ name }) => name)}`,
	);
}

/** What the pattern's group finds, each once. @param {string[]} texts @param {RegExp} pattern */
function unique(texts, pattern) {
	return [...new Set(texts.flatMap((text) => pattern.exec(text)?.[1] ?? []))];
}

/** @param {boolean} holds @param {string} what */
function expect(holds, what) {
	if (!holds) throw new Error(`Expected that ${what}.`);
}
