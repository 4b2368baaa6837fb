// `engines clean`: deletes leftovers in the cache, and engines on request.
import { formatBytes } from '../cli/bytes.ts';
import { defineCommand, UsageError } from '../cli/command.ts';
import { type EngineRow, engineJson, engineTable, rowOf } from '../cli/engine-table.ts';
import { modelOptions } from '../cli/model.ts';
import { EngineCache } from '../engines/cache.ts';

const dayMs = 86_400_000;

export default defineCommand({
	arguments: [],
	options: {
		all: {
			type: 'boolean',
			help: 'delete all engines and what builders have timed, not only what interrupted builds have left',
		},
		unusedDays: {
			type: 'number',
			value: 'N',
			help: 'delete engines and timings that were last used N days ago or earlier',
		},
		cacheDir: modelOptions.cacheDir,
	},
	example: 'arc2face engines clean --unused-days 90',
	json: {
		folder: 'where the engines are',
		...engineJson('removed[]'),
		freedBytes: 'with what builders had timed, and what interrupted builds had left',
		'kept[]': 'as removed',
	},

	async run({ values }, context) {
		const unusedSince = chosenAge(values.all === true, values.unusedDays);
		const cache = new EngineCache({ cacheDir: values.cacheDir });
		const { engines: removed, leftoverBytes, timingsBytes } = await cache.clean({ unusedSince });
		const freedBytes = removed.reduce((sum, { bytes }) => sum + bytes, leftoverBytes + timingsBytes);
		const kept = (await cache.list()).engines;
		if (unusedSince === undefined && kept.length > 0) {
			context.note('To delete engines as well, pass --all or --unused-days.');
		}
		return { folder: cache.folder, removed: removed.map(rowOf), freedBytes, kept: kept.map(rowOf) };
	},

	text: ({ removed, freedBytes, kept }) => {
		const rest = kept.length === 0 ? 'None are left.' : `${count(kept)} (${formatBytes(bytesOf(kept))}) stay.`;
		return [
			...(removed.length === 0 ? [] : [engineTable(removed), '']),
			`Deleted ${count(removed)}, freed ${formatBytes(freedBytes)}. ${rest}`,
		].join('\n');
	},
});

/** Engines unused since this time are deleted; undefined: none are. */
function chosenAge(all: boolean, unusedDays: number | undefined): Date | undefined {
	if (all && unusedDays !== undefined) {
		throw new UsageError('Expected one of --all and --unused-days for engines clean but received both.');
	}
	if (unusedDays !== undefined && !(unusedDays >= 0 && unusedDays <= 36_500)) {
		throw new UsageError(`Expected 0 to 36500 for --unused-days but received ${unusedDays}.`);
	}
	if (all) return new Date();
	return unusedDays === undefined ? undefined : new Date(Date.now() - unusedDays * dayMs);
}

function count({ length }: readonly unknown[]): string {
	return `${length} ${length === 1 ? 'engine' : 'engines'}`;
}

function bytesOf(engines: readonly EngineRow[]): number {
	return engines.reduce((sum, { bytes }) => sum + bytes, 0);
}
