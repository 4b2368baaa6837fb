// The page of a report: one HTML file that needs nothing else.
import { rocChart, similarityChart } from './charts.ts';
import { figureNames, written } from './figure-names.ts';
import { type Html, html } from './html.ts';
import { pageFrame, type Section, scrolling } from './page-frame.ts';
import { conditionTable, figureTable, intervalTable, quantileTable, settingTable } from './page-tables.ts';
import type { Case, Report } from './report.ts';

/** A case with its pictures, as data URLs: the input cut as portraits are framed, and the portrait. */
export type ShownCase = Case & Readonly<{ inputPicture: string; portraitPicture: string }>;

export function pageOf(report: Report, cases: Readonly<Record<'worst' | 'best', readonly ShownCase[]>>): string {
	const { model, photos, portraits, made, paper, similarities, impostors, verification, warnings } = report;
	const title = `Evaluation of ${report.protocol.portraits === 'painted' ? model.bundle : 'given portraits'}`;
	const sections: Section[] = [
		['figures', 'Figures', html`${scrolling('Figures', figureTable(report))}`],
		[
			'comparable',
			'Comparable with the paper?',
			html`<p>The paper’s figures are of <a href="${paper.source}">Arc2Face on AgeDB</a>. Figures can be compared where all of this is the same, and the photos are.</p>
${scrolling('Conditions', conditionTable(report))}`,
		],
		[
			'similarities',
			'Similarities',
			similarities === null
				? undefined
				: html`<figure>${similarityChart(similarities, impostors)}
<ul class="chart-key"><li>portraits to their input, mean ${written(similarities.mean, { digits: 3 })}</li>${
						impostors
							? html`<li class="others">portraits to photos of other people, mean ${written(impostors.mean, { digits: 3 })}</li>`
							: undefined
					}</ul>
<figcaption>Share of similarities in bins of 0.04. Dashed lines are means.</figcaption></figure>
<details><summary>In numbers</summary>${quantileTable(report)}</details>`,
		],
		[
			'verification',
			'Verification',
			verification === null
				? undefined
				: html`<figure>${rocChart(verification)}
<figcaption>Share of pairs of one person accepted, over that of pairs of two people. ${pairsText(verification)}</figcaption></figure>`,
		],
		['worst', 'Worst portraits', caseList(cases.worst)],
		['best', 'Best portraits', caseList(cases.best)],
		['left-out', 'Left out, or in doubt', leftOut(report)],
		[
			'how',
			'How figures are made',
			html`<dl>${Object.entries(figureNames).map(([name, { title, how }]) =>
				name === 'expressionSpread' ? undefined : html`<dt>${title}</dt><dd>${how}</dd>`,
			)}</dl>
<details><summary>What each is counted from, and how its interval was made</summary>${scrolling('Samples', intervalTable(report))}</details>`,
		],
		['setting', 'Everything that decides them', scrolling('Setting', settingTable(report))],
	];
	return pageFrame({
		title,
		lead: html`${portraits.count} portraits of ${portraits.people} people, against ${photos.withFace} photos of ${photos.people}.`,
		...{ made, warnings, sections },
		footer: `Made by arc2face-native ${report.package}. The same numbers are in report.json.`,
	});
}

function caseList(cases: readonly ShownCase[]): Html | undefined {
	if (cases.length === 0) return undefined;
	const figures = cases.map(({ person, portrait, similarity, inputPicture, portraitPicture }) => {
		const alike = written(similarity, { digits: 3 });
		return html`<li><figure><div><img src="${inputPicture}" alt="The photo of ${person} that was painted from"><img src="${portraitPicture}" alt="Portrait ${portrait}, similarity ${alike}"></div>
<figcaption><b>${alike}</b> ${portrait}</figcaption></figure></li>`;
	});
	return html`<p>By similarity to the input, which is on the left.</p><ul class="cases">${figures}</ul>`;
}

function pairsText({ pairs: { genuine, impostor } }: NonNullable<Report['verification']>): string {
	const counted = `${genuine.counted} pairs of one person, ${impostor.counted} of two`;
	if (genuine.counted === genuine.all && impostor.counted === impostor.all) return `All ${counted}.`;
	return `${counted}, drawn by the seed from ${genuine.all} and ${impostor.all}.`;
}

function leftOut({ photos, portraits }: Report): Html | undefined {
	const reasons = (failed: Report['photos']['failed']) =>
		failed.map(({ name, error }) => html`<li>${name}: ${error.problem}</li>`);
	const names = (list: readonly string[]) => list.map((name) => html`<li>${name}</li>`);
	const lists: [string, Html[]][] = [
		['Photos', reasons(photos.failed)],
		['People of whom no photo is left', names(photos.lost)],
		['Folders without a photo', names(photos.empty)],
		['Photos with several faces, of which the largest was taken', names(photos.severalFaces)],
		['Portraits that can’t be read', reasons(portraits.failed)],
		['Portraits without a face, which have no similarity', names(portraits.faceless)],
		['Folders of portraits of nobody in the photos', names(portraits.unknown)],
	];
	const shown = lists.filter(([, items]) => items.length > 0);
	if (shown.length === 0) return undefined;
	return html`${shown.map(([name, items]) => html`<h3>${name}</h3><ul>${items}</ul>`)}`;
}
