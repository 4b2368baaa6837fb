// `verify`: what the marks of image files say, and what they are worth.

import { File } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { defineCommand } from '../cli/command.ts';
import { exitCodes, worst } from '../cli/exit-codes.ts';
import { attempt, distinct, exitCodeOfAll, hasFailed, hasResult, readInput } from '../cli/inputs.ts';
import { presentable } from '../cli/message.ts';
import { nameOf } from '../cli/path.ts';
import { onDisk } from '../files/on-disk.ts';
import { resolveVerifyOptions } from '../options/verify.ts';
import type { C2paMark, Finding, Verification, WatermarkMark, XmpMark } from '../provenance/verification.ts';

const codes: Readonly<Record<Finding, number>> = {
	signed: exitCodes.done,
	altered: exitCodes.altered,
	none: exitCodes.unmarked,
	marked: exitCodes.unsigned,
};

const sentences: Readonly<Record<Exclude<Finding, 'marked'>, string>> = {
	signed: 'marked as generated, signed, and unchanged since',
	altered: 'ALTERED since it was signed',
	none: 'not marked as generated',
};

export default defineCommand({
	arguments: ['<image...>'],
	options: {
		trust: {
			type: 'path',
			value: 'FILE',
			help: 'certificates (PEM) of issuers: only who has one from them counts as a signer (default: everybody does)',
		},
	},
	example: 'arc2face verify portraits/*.png',
	json: {
		'results[].source': 'the image, as named on the command line',
		'results[].error': 'instead of the rest, where it failed',
		'results[].finding': 'signed (exit code 0), altered (4), none (5), or marked but not signed by whom it counts (6)',
		'results[].generated': 'whether any mark says that a generative model made the image, or a part of it',
		'results[].madeHere': 'whether any mark says that it was made with this package',
		'results[].c2pa': 'of the C2PA manifest: state (intact, altered or unproven), faults, signer, generator and so on',
		'results[].xmp': 'what the XMP says: sourceType and creatorTool',
		'results[].watermark': 'of the watermark: payload (12 hexadecimal digits) and falseAlarm (a probability)',
		'results[].*.meaning': 'what each of these proves, and what not',
	},

	async run({ values, positionals }, context) {
		const { trust: file } = values;
		const trust = file === undefined ? undefined : await onDisk('read', file, () => readFile(file, 'utf8'));
		resolveVerifyOptions({ trust });
		const images = distinct(positionals, context);
		// Imported here: without sharp, which it needs, `--help` still answers.
		const { verifyImage } = await import('../provenance/verify.ts');
		const results = [];
		for (const source of images) {
			const result = await attempt(source, context, async () => {
				const content = await readInput(source, context);
				const image = typeof content === 'string' ? content : new File([content], nameOf(source));
				return await verifyImage(image, { trust, signal: context.signal });
			});
			results.push({ source, ...result });
		}
		return { results };
	},

	text: ({ results }) =>
		// It repeats what files say.
		presentable(
			results
				.filter(hasResult)
				.map(({ source, ...found }) => textOf(nameOf(source), found))
				.join('\n\n'),
		),

	exitCode: ({ results }) =>
		worst([exitCodeOfAll(results), ...results.map((one) => (hasFailed(one) ? exitCodes.done : codes[one.finding]))]),
});

function textOf(name: string, { finding, c2pa, xmp, watermark }: Verification): string {
	return [
		`${name}: ${finding === 'marked' ? sentenceOfMarked(c2pa) : sentences[finding]}`,
		...(c2pa === undefined ? ['C2PA: no manifest.'] : c2paLines(c2pa)),
		...(xmp === undefined ? ['XMP: says nothing of where the image comes from.'] : xmpLines(xmp)),
		...(watermark === undefined ? ['Watermark: none found.'] : watermarkLines(watermark)),
	].join('\n  ');
}

/** What the mark lacks. */
function sentenceOfMarked(c2pa: C2paMark | undefined): string {
	if (c2pa?.state !== 'intact') return 'marked as generated, but nobody shows that it is unchanged';
	if (c2pa.signer?.isTrusted === false)
		return 'marked as generated, and unchanged since it was signed, but by nobody who is trusted';
	return 'marked as generated, but not in what is signed';
}

function c2paLines({
	state,
	meaning,
	faults,
	signer,
	generator,
	sourceType,
	inputs,
	identityHash,
}: C2paMark): string[] {
	return [
		`C2PA: ${state}. ${meaning}`,
		...(faults.length === 0 ? [] : [`  does not hold: ${faults.join(', ')}`]),
		...(signer === undefined ? [] : [`  signed by: ${signer.name}, of ${signer.organisation} (${signer.algorithm})`]),
		...originLines(generator, sourceType),
		...(inputs.length === 0 ? [] : [`  painted from: ${inputs.join(', ')}`]),
		...(identityHash === undefined ? [] : [`  hash of the identity: ${identityHash}`]),
	];
}

function xmpLines({ meaning, creatorTool, sourceType }: XmpMark): string[] {
	return [`XMP: ${meaning}`, ...originLines(creatorTool, sourceType)];
}

function watermarkLines({ payload, falseAlarm, meaning }: WatermarkMark): string[] {
	return [
		`Watermark: found. ${meaning}`,
		`  bits: ${payload ?? 'none'}`,
		`  of images without it, ${fewerThan(falseAlarm)} looks as if it had it`,
	];
}

/** In words, not with the digits of a loose bound. */
function fewerThan(share: number): string {
	const zeros = Math.floor(-Math.log10(share));
	if (zeros >= 12) return 'fewer than one in a million million';
	return `at most one in ${(10 ** zeros).toLocaleString('en')}`;
}

function originLines(tool: string | undefined, sourceType: string | undefined): string[] {
	return [
		...(tool === undefined ? [] : [`  made by: ${tool}`]),
		...(sourceType === undefined ? [] : [`  says that it is: ${sourceType.split('/').at(-1)}`]),
	];
}
