// The tables of a report's page.
import { figureNames, written, writtenInterval } from './figure-names.ts';
import type { FigureName } from './figures.ts';
import { Html, html } from './html.ts';
import type { Report } from './report.ts';

/** Figures beside those of photos and the paper's. */
export function figureTable({ figures, paper }: Report): Html {
	const names = Object.keys(figureNames) as FigureName[];
	const bodies = names.map((name) => {
		const naming = figureNames[name];
		const { value, photos, missing, warnings } = figures[name];
		const interval = writtenInterval(figures[name], naming);
		const ofPaper = paper.figures[name];
		const notes = value === null ? [missing ?? 'There is nothing to count.'] : warnings;
		const note = `note-${name}`;
		return html`<tbody class="figure">
<tr><th scope="row"${notes.length > 0 ? html` aria-describedby="${note}"` : undefined}>${naming.title}</th>
<td class="number">${value === null ? '–' : written(value, naming)}${interval === undefined ? undefined : html`<span class="interval">${interval}</span>`}</td>
<td class="number">${photos === undefined ? '' : written(photos, naming)}</td>
<td class="number">${ofPaper === undefined ? '' : written(ofPaper, naming)}</td></tr>
${
	notes.length === 0
		? undefined
		: html`<tr class="note" id="${note}"><td colspan="4">${value === null ? undefined : html`<strong>Mind:</strong> `}${prose(notes.join(' '))}</td></tr>`
}
</tbody>`;
	});
	return html`<table>
<caption>Below each figure its 95 % interval. “Photos” is the same of the photos alone: what real photos reach.</caption>
<thead><tr><th scope="col">Figure</th><th scope="col" class="number">This run</th><th scope="col" class="number">Photos</th><th scope="col" class="number">${paper.name}</th></tr></thead>
${bodies}
</table>`;
}

export function conditionTable({ paper }: Report): Html {
	const rows = paper.conditions.map(({ what, paper: there, here, same }) => {
		const [mark, word] = same === null ? ['', 'not known'] : same ? ['yes', 'yes'] : ['no', 'no'];
		return html`<tr><th scope="row">${what}</th><td>${unbroken(there)}</td><td>${unbroken(here)}</td><td class="${mark}">${word}</td></tr>`;
	});
	return html`<table>
<thead><tr><th scope="col">Condition</th><th scope="col">Paper</th><th scope="col">This run</th><th scope="col">The same</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
}

export function intervalTable({ figures }: Report): Html {
	const rows = (Object.keys(figureNames) as FigureName[]).flatMap((name) => {
		const { value, sample, intervalBy } = figures[name];
		if (value === null) return [];
		return html`<tr><th scope="row">${figureNames[name].title}</th><td>${sample}</td><td>${intervalBy ?? 'none'}</td></tr>`;
	});
	return html`<table>
<thead><tr><th scope="col">Figure</th><th scope="col">Counted from</th><th scope="col">Interval</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
}

export function quantileTable({ similarities, impostors }: Report): Html {
	const [own, others] = [similarities!, impostors];
	const three = (value: number | undefined) => (value === undefined ? '–' : written(value, { digits: 3 }));
	const rows: [string, number | undefined, number | undefined][] = [
		['Number', undefined, undefined],
		['Mean', own.mean, others?.mean],
		['Standard deviation', own.deviation, others?.deviation],
		['Least', own.least, others?.least],
		...own.quantiles.map(({ share, value }, i): [string, number, number | undefined] => [
			`${Math.round(100 * share)} % are below`,
			value,
			others?.quantiles[i]?.value,
		]),
		['Most', own.most, others?.most],
	];
	const cells = rows.map(([name, one, other]) =>
		name === 'Number'
			? html`<tr><th scope="row">${name}</th><td class="number">${own.count}</td><td class="number">${others?.count ?? '–'}</td></tr>`
			: html`<tr><th scope="row">${name}</th><td class="number">${three(one)}</td><td class="number">${three(other)}</td></tr>`,
	);
	return html`<table>
<thead><tr><th scope="col">Similarity</th><th scope="col" class="number">to the input</th><th scope="col" class="number">to other people</th></tr></thead>
<tbody>${cells}</tbody>
</table>`;
}

type Setting = Pick<Report, 'protocol' | 'model' | 'judges' | 'package'> &
	Readonly<{ photos: Pick<Report['photos'], 'source' | 'people' | 'listed' | 'withFace' | 'digest'> }>;

/**
 * All that decides the figures.
 *
 * @param more - rows of whoever asks
 */
export function settingTable(
	{ protocol, model, judges, photos, package: version }: Setting,
	more: readonly (readonly [string, string | Html])[] = [],
): Html {
	const given = 'by others';
	const rows: [string, string | number | Html | undefined][] = [
		['Package', `arc2face-native ${version}`],
		['Photos', `${photos.source}: ${photos.withFace} with a face, of ${photos.listed}, of ${photos.people} people`],
		['Photos, SHA-256 of the list', digest(photos.digest)],
		...more.map(([name, value]): [string, string | Html] => [name, value]),
		['Portraits', protocol.portraits === 'painted' ? `${protocol.perIdentity} of each person` : given],
		[
			'Identity',
			"of the first photo of a person in which a face is found, in the order of the photos' names or of the list",
		],
		[
			'Sampler',
			protocol.sampler === null
				? given
				: `${protocol.sampler}, ${protocol.steps} steps, guidance ${protocol.guidanceScale}`,
		],
		['Size', protocol.size === null ? given : `${protocol.size}, decoder ${protocol.decoder}`],
		[
			'Seed',
			protocol.portraits === 'painted'
				? `${protocol.seed} for the first person, 1000 more for each next one`
				: protocol.seed,
		],
		[
			'Framing',
			`${protocol.alignment === 'both' ? 'photos and portraits' : 'photos'} cut as FFHQ cuts faces, by five keypoints, to ${protocol.comparedSide} pixels a side, for FID, KID, precision, recall and LPIPS`,
		],
		['Device', `${model.device}, ${model.precision}, ${model.provider} ${model.version}`],
		['Bundle', model.bundle],
		...Object.entries(model.weights).map(([name, digests]): [string, Html] => [
			`${name}, SHA-256`,
			html`${digests.map(digest)}`,
		]),
		['Noise schedule and prompt, SHA-256', digest(model.settings)],
		...model.loras.map(({ sha256, scale }): [string, Html] => [`LoRA at ${scale}, SHA-256`, digest(sha256)]),
		['Detector, SHA-256', digest(model.detector)],
		['Recogniser, SHA-256', digest(model.recogniser)],
		['Recogniser that judges, SHA-256', model.judge === undefined ? 'the same' : digest(model.judge)],
		...judges.map(({ file, sha256 }): [string, Html] => [`${file}, SHA-256`, digest(sha256)]),
	];
	return html`<table><tbody>${rows.map(
		([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`,
	)}</tbody></table>`;
}

/** Sizes stay on one line. */
function unbroken(text: string): string {
	return text.replaceAll(' × ', '\u00a0×\u00a0');
}

/** What is between backticks is what one types. */
function prose(text: string): Html {
	const parts = text.split('`').map((part, i) => (i % 2 === 0 ? html`${part}` : html`<code>${part}</code>`));
	return new Html(parts.map((part) => part.text).join(''));
}

export function digest(sha256: string): Html {
	return html`<span class="digest">${sha256}</span>`;
}
