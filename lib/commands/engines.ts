import { formatBytes } from '../cli/bytes.ts';
import { defineCommand, UsageError } from '../cli/command.ts';
import { modelOptions } from '../cli/model.ts';
import { nearest } from '../cli/nearest.ts';
import { sizeName } from '../cli/shapes.ts';
import { table } from '../cli/table.ts';
import type { CachedEngine } from '../engines/files.ts';
import { type Building, buildEngines, buildOptions, describeBuilding } from './engine-build.ts';

type Listing = { folder: string; engines: EngineRow[]; leftoverBytes: number };
type Cleaning = { folder: string; removed: EngineRow[]; freedBytes: number; kept: EngineRow[] };
type EngineRow = Omit<CachedEngine, 'sha256'>;

const verbs = ['build', 'list', 'clean'] as const;
const dayMs = 86_400_000;

export default defineCommand({
	name: 'engines',
	summary: 'Build the engines of a model ahead of its first load on a GPU, list those in the cache, or delete them',
	positionals: { name: `<${verbs.join('|')}>`, least: 1, most: 1 },
	options: {
		...buildOptions,
		all: { type: 'boolean', help: 'clean: delete all engines, not only what interrupted builds have left' },
		'unused-days': {
			type: 'number',
			value: 'N',
			help: 'clean: delete engines that were last used N days ago or earlier',
		},
		'cache-dir': modelOptions['cache-dir'],
	},
	example: 'arc2face engines build --bundle arc2face',

	async run({ values, positionals: [verb = ''] }, context): Promise<Building | Listing | Cleaning> {
		requireFitting(verb, values);
		if (verb === 'build') return await buildEngines(values, context);
		const unusedSince = chosenAge(values.all === true, values['unused-days']);
		// Imported here, because `--help` does not need it.
		const { EngineCache } = await import('../engines/cache.ts');
		const cache = new EngineCache({ cacheDir: values['cache-dir'] });
		const { folder } = cache;
		if (verb === 'list') {
			const { engines, leftoverBytes } = await cache.list();
			return { folder, engines: engines.map(rowOf), leftoverBytes };
		}
		const { engines: removed, leftoverBytes } = await cache.clean({ unusedSince });
		const freedBytes = removed.reduce((sum, { bytes }) => sum + bytes, leftoverBytes);
		const kept = (await cache.list()).engines;
		if (unusedSince === undefined && kept.length > 0) {
			context.note('To delete engines as well, pass --all or --unused-days.');
		}
		return { folder, removed: removed.map(rowOf), freedBytes, kept: kept.map(rowOf) };
	},

	text: (result) => {
		if ('built' in result) return describeBuilding(result);
		return 'removed' in result ? describeCleaning(result) : describeListing(result);
	},
});

/** @throws {UsageError} for another verb than these, and for options that do not fit it */
function requireFitting(verb: string, values: Readonly<Record<string, unknown>>): void {
	if (!verbs.some((known) => known === verb)) {
		const meant = nearest(verb, verbs);
		const hint = meant === undefined ? `Expected ${verbs.join(', ')}.` : `Did you mean ${meant}?`;
		throw new UsageError(`Unknown action "${verb}" for engines. ${hint}`);
	}
	const owners = { build: Object.keys(buildOptions), clean: ['all', 'unused-days'] };
	for (const [owner, names] of Object.entries(owners)) {
		const name = names.find((one) => values[one] !== undefined);
		if (owner !== verb && name !== undefined) {
			throw new UsageError(`Expected --${name} for engines ${owner} only but received it for engines ${verb}.`);
		}
	}
}

/** Since when the engines that are to be deleted have not been used; undefined: none are. */
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

function rowOf({ sha256: _, ...row }: CachedEngine): EngineRow {
	return row;
}

function describeListing({ folder, engines, leftoverBytes }: Listing): string {
	const leftovers = `Interrupted builds have left ${formatBytes(leftoverBytes)}; \`arc2face engines clean\` deletes them.`;
	return [
		...(engines.length === 0 ? ['No engines.'] : [engineTable(engines)]),
		'',
		...(leftoverBytes === 0 ? [] : [leftovers]),
		`The engines are in ${folder}`,
	].join('\n');
}

function describeCleaning({ removed, freedBytes, kept }: Cleaning): string {
	const rest = kept.length === 0 ? 'None are left.' : `${count(kept)} (${formatBytes(bytesOf(kept))}) stay.`;
	return [
		...(removed.length === 0 ? [] : [engineTable(removed), '']),
		`Deleted ${count(removed)}, freed ${formatBytes(freedBytes)}. ${rest}`,
	].join('\n');
}

function engineTable(engines: readonly EngineRow[]): string {
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
			// As the options of these names take them.
			shapes.imageSizes?.map(sizeName).join(',') ?? '',
			shapes.batchSizes?.join(',') ?? '',
			shapes.detectionSize?.toString() ?? '',
			formatBytes(bytes),
			lastUsed.toISOString().slice(0, 16).replace('T', ' '),
		]),
	);
}

function count({ length }: readonly unknown[]): string {
	return `${length} ${length === 1 ? 'engine' : 'engines'}`;
}

function bytesOf(engines: readonly EngineRow[]): number {
	return engines.reduce((sum, { bytes }) => sum + bytes, 0);
}
