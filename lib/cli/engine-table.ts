// Shows cached engines as a table.
import type { CachedEngine } from '../engines/files.ts';
import { formatBytes } from './bytes.ts';
import { sizeName } from './shapes.ts';
import { table } from './table.ts';

export type EngineRow = Omit<CachedEngine, 'sha256'>;

export function rowOf({ sha256: _, ...row }: CachedEngine): EngineRow {
	return row;
}

/** What `--json` prints of each engine. */
export function engineJson(list: string) {
	return {
		[`${list}.file`]: 'the engine',
		[`${list}.key`]: 'its name, a digest of all that it depends on',
		[`${list}.network`]: 'what it computes',
		[`${list}.product`]: 'what built it and runs it',
		[`${list}.version`]: 'of that product',
		[`${list}.gpu`]: 'for which GPU, or which compute capabilities',
		[`${list}.precision`]: 'fp16 or fp32',
		[`${list}.shapes`]: 'imageSizes, batchSizes and detectionSize that it was built for',
		[`${list}.bytes`]: 'its size',
		[`${list}.built`]: 'when, as an ISO date',
		[`${list}.lastUsed`]: 'when, as an ISO date',
	};
}

export function engineTable(engines: readonly EngineRow[]): string {
	return table(
		[
			'network',
			'product',
			'GPU',
			'precision',
			'image sizes',
			'batch sizes',
			'detection size',
			'size',
			'last used (UTC)',
		],
		engines.map(({ network, product, version, gpu, precision, shapes, bytes, lastUsed }) => [
			network,
			`${product} ${version}`,
			gpu,
			precision,
			// In the form that the options of these names accept.
			shapes.imageSizes?.map(sizeName).join(',') ?? '',
			shapes.batchSizes?.join(',') ?? '',
			shapes.detectionSize?.toString() ?? '',
			formatBytes(bytes),
			lastUsed.toISOString().slice(0, 16).replace('T', ' '),
		]),
	);
}
