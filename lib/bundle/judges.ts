// The networks of a model folder that judge images, for metrics: where their files are, and what they become.
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { inception } from '../../models/evaluation/inception.ts';
import { lpips } from '../../models/evaluation/lpips.ts';
import type { NetworkGraph } from '../../models/graph/graph.ts';
import type { NetworkOptions } from '../../models/graph/scope.ts';
import { openCheckpoint } from '../../models/weights/checkpoint.ts';
import type { Checkpoint } from '../../models/weights/reference.ts';
import { CheckpointWeights, type WeightSource } from '../../models/weights/weight-set.ts';
import type { NativeNetwork } from '../native.ts';
import { about, FileList, withPull } from './bundle.ts';
import type { Declarations } from './dimensions.ts';
import { isThere } from './network-files.ts';

type Row = Readonly<{
	/** What people call it. */
	label: string;
	/** Its files, as they are published. */
	files: readonly [string, ...string[]];
	/** @param weights - of each file */
	graph: (weights: readonly WeightSource[], options: NetworkOptions) => NetworkGraph;
	/** Tensors that the files have besides those of the graph. */
	leftOver: RegExp;
}>;

export const judgeNetworks = {
	inception: {
		label: "FID's Inception network",
		files: ['pt_inception-2015-12-05-6726825d.pth'],
		graph: ([weights], options) => inception(weights!, options),
		leftOver: /^fc\.|\.num_batches_tracked$/,
	},
	lpips: {
		label: 'LPIPS on AlexNet',
		files: ['alexnet-owt-7be5be79.pth', 'alex.pth'],
		graph: ([alexNet, heads], options) => lpips(alexNet!, heads!, options),
		leftOver: /^classifier\./,
	},
} as const satisfies Record<string, Row>;

export type JudgeName = keyof typeof judgeNetworks;
export const judgeNames = Object.keys(judgeNetworks) as JudgeName[];

/** Where the files of such a network belong. */
export function judgePaths(bundle: string, name: JudgeName): string[] {
	return judgeNetworks[name].files.map((file) => join(bundle, 'evaluation', file));
}

/** Those of them that are not there. */
export async function missingJudgePaths(bundle: string, name: JudgeName): Promise<string[]> {
	const missing = [];
	for (const path of judgePaths(bundle, name)) if (!(await isThere(path))) missing.push(path);
	return missing;
}

/** How to get a file: a pull into the folder of another bundle would also replace its networks. */
export const judgeRemedy =
	'Put the published file there: `arc2face pull --with evaluation` gets it for the official bundle.';

/**
 * @param checkpoints - of each of its files
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming file and tensor, when one is not of that network
 */
export function writeDownJudge(
	name: JudgeName,
	checkpoints: readonly Checkpoint[],
	operators: NonNullable<NetworkOptions['operators']>,
): NetworkGraph {
	const { graph, leftOver } = judgeNetworks[name];
	const weights = checkpoints.map((checkpoint) => new CheckpointWeights(checkpoint, { remedy: judgeRemedy }));
	const written = graph(weights, { operators, precision: 'fp32' });
	for (const one of weights) one.assertAllUsed({ ignore: leftOver });
	return written;
}

/** Networks that judge, read and checked, as `Bundle` has those of a model. */
export type OpenedJudges = Readonly<{
	folder: string;
	files: readonly string[];
	networks: Readonly<Partial<Record<JudgeName, NativeNetwork>>>;
	declarations: Readonly<Partial<Record<JudgeName, Declarations>>>;
}>;

/**
 * @param names - of networks whose files are there
 * @throws {Arc2FaceError} `INVALID_WEIGHTS`, naming file and tensor
 */
export async function readJudges(
	folder: string,
	names: readonly JudgeName[],
	operators: NonNullable<NetworkOptions['operators']>,
): Promise<OpenedJudges> {
	const files = new FileList();
	const networks: Partial<Record<JudgeName, NativeNetwork>> = {};
	const declarations: Partial<Record<JudgeName, Declarations>> = {};
	for (const name of names) {
		const read = about(name, async () => {
			const checkpoints = [];
			for (const path of judgePaths(folder, name)) checkpoints.push(await openCheckpoint(path));
			await setImmediate();
			const graph = writeDownJudge(name, checkpoints, operators);
			networks[name] = await files.refer(graph);
			declarations[name] = graph;
		});
		await read.catch((error: unknown) => {
			throw withPull(error, folder);
		});
	}
	return { folder, files: files.paths, networks, declarations };
}
