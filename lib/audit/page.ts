// The page of an audit: one HTML file that needs nothing else.
import { type Naming, written, writtenInterval } from '../evaluation/figure-names.ts';
import { type Html, html } from '../evaluation/html.ts';
import { pageFrame, type Section, scrolling } from '../evaluation/page-frame.ts';
import { digest, settingTable } from '../evaluation/page-tables.ts';
import type { Gap, GroupResult, MeasureResult } from './comparison.ts';
import { measureNames } from './measures.ts';
import { type AuditReport, foundGaps } from './report.ts';
import { type Mark, scaleAround, scaleAroundZero, scaleText, strip, stripStyle } from './strips.ts';

export function auditPageOf(report: AuditReport): string {
	const { model, portraits, made, groups, measures, warnings } = report;
	const title = `Audit of ${report.protocol.portraits === 'painted' ? model.bundle : 'given portraits'}`;
	const sections: Section[] = [
		['found', 'What was found', foundList(report)],
		['differences', 'Largest differences', scrolling('Largest differences', differenceTable(report))],
		...measureNames.map((name): Section => [name, measures[name].title, measureSection(measures[name])]),
		['how', 'How this is made', how(report)],
		[
			'setting',
			'Everything that decides it',
			scrolling(
				'Setting',
				settingTable(report, [
					[`Groups in ${groups.source}, SHA-256`, digest(groups.digest)],
					['A portrait has failed below', report.threshold?.value.toFixed(3) ?? 'nothing: only without a face'],
				]),
			),
		],
	];
	const columns = groups.columns.length === 1 ? 'one column' : `${groups.columns.length} columns`;
	return pageFrame({
		title,
		lead: html`Whether portraits are as good of everyone: ${portraits.count} portraits of ${portraits.people} people, in groups by ${columns} of ${groups.source}.`,
		...{ made, warnings, sections, style: stripStyle },
		footer: `Made by arc2face-native ${report.package}. The same numbers are in audit.json.`,
	});
}

function foundList(report: AuditReport): Html {
	const found = foundGaps(report);
	const { gaps } = report.intervals;
	if (gaps === 0) {
		return html`<p>Nothing: no two groups have ${report.groups.leastPeople} people, and fewer are not compared.</p>`;
	}
	if (found.length === 0) {
		return html`<p>No group differs from the others by more than chance explains. ${gaps} gaps were looked at.</p>`;
	}
	const items = found.map(({ measure, column, label, value, interval, isWorse }) => {
		const naming = report.measures[measure];
		return html`<li><strong class="${isWorse ? 'no' : 'yes'}">${isWorse ? 'Worse' : 'Better'}</strong> for ${column}: <b>${label}</b>. ${naming.title} ${signed(value, naming)} against the others (${writtenInterval({ interval }, naming)}).</li>`;
	});
	return html`<p>Groups that differ from all others of their column by more than chance explains, of ${gaps} gaps that were looked at:</p>
<ul class="summary">${items}</ul>`;
}

function differenceTable({ measures }: AuditReport): Html {
	const bodies = measureNames.map((name) => {
		const { title, columns, ...naming } = measures[name];
		const rows = columns.map(({ name: column, largest }) => {
			if (largest === null) return html`<tr><td>${column}</td><td>too few people</td><td class="number">–</td></tr>`;
			const between = largest.value === 0 ? 'no difference' : html`higher in ${largest.high} than in ${largest.low}`;
			return html`<tr><td>${column}</td><td>${between}</td><td class="number">${numbers(largest, naming)}</td></tr>`;
		});
		return html`<tbody><tr class="column"><th scope="rowgroup" colspan="3">${title}: ${naming.better} is better</th></tr>${rows}</tbody>`;
	});
	return html`<table class="differences">
<caption>The two groups of a column that are farthest apart, and by how much. All intervals hold at once, at 95 %; where one leaves out 0, chance does not explain the difference.</caption>
<thead><tr><th scope="col">Column</th><th scope="col">Groups</th><th scope="col" class="number">Difference</th></tr></thead>
${bodies}
</table>`;
}

function measureSection({ columns, everyone, how, ...measure }: MeasureResult): Html {
	const rows = columns.flatMap(({ groups }) => groups);
	const values = rows.flatMap((group) => valueMark(group) ?? []);
	const gaps = rows.flatMap(({ gap }) => (gap === null ? [] : [gapMark(gap, measure.better)]));
	if (values.length === 0) return html`<p>${how}</p><p>There is nothing to count.</p>`;
	const [scale, gapScale] = [scaleAround(values), scaleAroundZero(gaps.length === 0 ? zero : gaps)];
	const row = (group: GroupResult) => {
		const [value, { gap }] = [valueMark(group), group];
		const mark = gap && gapMark(gap, measure.better);
		const word = mark === null || mark.kind === 'plain' ? undefined : mark.kind === 'bad' ? ' worse' : ' better';
		return html`<tr><th scope="row">${group.label}<span class="size">${peopleText(group.people)}</span></th>
<td>${value === undefined ? '–' : html`${written(value.value, measure)}${intervalText(value, measure)}${strip(value, scale)}`}</td>
<td>${gap === null || mark === null ? 'too few people' : html`${numbers(gap, measure)}${word && html`<strong class="${mark.kind === 'bad' ? 'no' : 'yes'}">${word}</strong>`}${strip(mark, gapScale)}`}</td></tr>`;
	};
	const bodies = columns.map(
		({ name, groups }) =>
			html`<tbody><tr class="column"><th scope="rowgroup" colspan="3">${name}</th></tr>${groups.map(row)}</tbody>`,
	);
	const all =
		everyone?.value == null
			? undefined
			: html` Of everyone: ${written(everyone.value, measure)}${everyone.interval === null ? '' : ` (${writtenInterval(everyone, measure)})`}.`;
	const isSame = rows.every(({ value, gap }) => value === values[0]!.value && (gap === null || gap.value === 0));
	const content = scrolling(
		measure.title,
		html`<table class="strips">
<thead><tr><th scope="col">Group</th><th scope="col">Of the group${scaleText(scale, measure)}</th><th scope="col">Gap to the others${scaleText(gapScale, measure)}</th></tr></thead>
${bodies}
</table>`,
	);
	return html`<p>${how} ${measure.better === 'more' ? 'More' : 'Less'} is better.${all}</p>
${isSame ? html`<details><summary>${written(values[0]!.value, measure)} in every group</summary>${content}</details>` : content}`;
}

const zero: readonly Mark[] = [{ value: 0, interval: null, kind: 'plain' }];

function valueMark({ value, interval }: GroupResult): Mark | undefined {
	return value === null ? undefined : { value, interval, kind: 'plain' };
}

function gapMark({ value, interval, isFound }: Gap, better: 'more' | 'less'): Mark {
	if (!isFound || interval === null) return { value, interval, kind: 'plain' };
	return { value, interval, kind: interval[0] > 0 === (better === 'more') ? 'good' : 'bad' };
}

function numbers({ value, interval }: Gap, naming: Pick<Naming, 'digits' | 'unit'>): Html {
	return html`${signed(value, naming)}${intervalText({ interval }, naming)}`;
}

function intervalText({ interval }: Pick<Mark, 'interval'>, naming: Pick<Naming, 'digits' | 'unit'>): Html | undefined {
	if (interval === null) return undefined;
	return html`<span class="interval">${writtenInterval({ interval }, naming)}</span>`;
}

function signed(value: number, naming: Pick<Naming, 'digits' | 'unit'>): string {
	const text = written(value, naming);
	return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

function peopleText(people: number): string {
	return people === 1 ? '1 person' : `${people} people`;
}

function how({ groups, intervals }: AuditReport): Html {
	const { gaps, critical } = intervals;
	const reach =
		critical === null
			? ''
			: ` Here they reach ${critical.toFixed(2)} standard errors to either side, for ${gaps} gaps.`;
	return html`<p>Groups are the labels that ${groups.source} gives people; none is guessed. Every number is counted over people, since portraits of one person are no independent witnesses.</p>
<p>Who looks at many groups finds a large gap somewhere. So the intervals of all gaps on this page, in every measure and column, are made together: in 95 % of audits they all hold at once, and where no groups differ, an audit finds no gap in 95 % of the cases.${reach} They come from a wild bootstrap over people with signs (<a href="https://doi.org/10.1162/rest.90.3.414">Cameron, Gelbach &amp; Miller 2008</a>), of the largest studentised gap in each draw (<a href="https://doi.org/10.1111/j.1468-0262.2005.00615.x">Romano &amp; Wolf 2005</a>); shares are counted with two people more, one of each kind (<a href="https://doi.org/10.1080/00031305.2000.10474560">Agresti &amp; Caffo 2000</a>), so that a group in which nobody has failed has an interval, too. These intervals are wide, for all images of a person may fail for one reason, and may lie a little beside their numbers.</p>
<p>The intervals of groups, in the second column, are of each group alone, at 95 %. Groups of fewer than ${groups.leastPeople} people are not compared: they say too little.</p>
<p>A gap says that portraits differ, not why: photos of one group may be worse, or be judged worse by the recogniser that judges. That no gap is found is no proof that there is none.</p>`;
}
