// `pull`: downloads the official weights.
import { resolve } from 'node:path';
import { bundleFolder } from '../bundle/bundle.ts';
import { extraParts, type OfficialFile, type OfficialPartName, officialParts } from '../bundle/official.ts';
import { pull } from '../bundle/pull.ts';
import { formatBytes } from '../cli/bytes.ts';
import { type Context, defineCommand, UsageError } from '../cli/command.ts';
import { table } from '../cli/table.ts';
import { nearest } from '../messages/nearest.ts';

export default defineCommand({
	arguments: [],
	options: {
		with: { type: 'list', value: 'PARTS', help: `also ${extraParts.join(', ')} (several: with commas)` },
		acceptAntelopev2License: {
			type: 'boolean',
			help: 'also the face models, which are for non-commercial research only',
		},
		detectorUrl: { type: 'string', value: 'URL', help: 'where to get scrfd_10g_bnkps.onnx instead (same checksum)' },
		out: { type: 'path', value: 'DIR', help: 'bundle folder (default: where --bundle arc2face is looked for)' },
	},
	example: 'arc2face pull --accept-antelopev2-license --with lcm-lora',
	json: {
		folder: 'of the bundle',
		parts: 'names of what was asked for',
		'files[].path': 'in the folder',
		'files[].bytes': 'its size',
		'files[].state': 'whether it was downloaded, or there already',
	},

	async run({ values }, context) {
		const parts = chosenParts(values.with, values.acceptAntelopev2License === true);
		announce(parts, context);
		const folder = values.out === undefined ? bundleFolder('arc2face') : resolve(values.out);
		const files = await pull({
			folder,
			files: parts.flatMap((part) => filesOf(part, values.detectorUrl)),
			signal: context.signal,
			onProgress: ({ path, phase, done, total }) =>
				context.progress(`${phase} ${path}`, { done, total, unit: 'bytes' }),
			onRetry: ({ path, reason, pauseMs }) =>
				context.note(`${path}: ${reason}; trying again in ${(pauseMs / 1000).toFixed(1)} s`),
			onWait: () => context.note(`Another process is pulling into ${folder}; waiting for it.`),
		});
		return { folder, parts, files };
	},

	text: ({ folder, files }) =>
		[
			table(
				['file', 'size', 'state'],
				files.map(({ path, bytes, state }) => [path, formatBytes(bytes), state]),
			),
			'',
			`The bundle is in ${folder}`,
		].join('\n'),
});

/** @throws {UsageError} for a part that does not exist */
function chosenParts(wanted: readonly string[] | undefined, antelopev2: boolean): OfficialPartName[] {
	const extras = (wanted ?? []).filter((name) => name !== '').map(extraPart);
	return ['base', ...(antelopev2 ? (['antelopev2'] as const) : []), ...new Set(extras)];
}

function extraPart(name: string): OfficialPartName {
	const part = extraParts.find((known) => known === name);
	if (part !== undefined) return part;
	const meant = nearest(name, extraParts);
	const hint = meant === undefined ? `Expected ${extraParts.join(', ')}.` : `Did you mean ${meant}?`;
	throw new UsageError(`Unknown part "${name}" for --with. ${hint}`);
}

/** States the terms of the weights before the first byte is downloaded. */
function announce(parts: readonly OfficialPartName[], { note }: Context): void {
	for (const part of parts) note(`${part}: ${officialParts[part].purpose}. ${officialParts[part].licence}`);
	if (parts.includes('antelopev2')) return;
	note(
		`antelopev2 is left out, so this bundle cannot encode photos. ${officialParts.antelopev2.licence} ` +
			'To accept these terms and get it, add --accept-antelopev2-license to the command.',
	);
}

function filesOf(part: OfficialPartName, detectorUrl: string | undefined): OfficialFile[] {
	return officialParts[part].files.map((file) =>
		detectorUrl !== undefined && file.path.endsWith('scrfd_10g_bnkps.onnx') ? { ...file, source: detectorUrl } : file,
	);
}
