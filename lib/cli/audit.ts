// An audit on the command line.
import { leastPeople } from '../audit/comparison.ts';
import { measureNames } from '../audit/measures.ts';
import { type AuditReport, foundGaps } from '../audit/report.ts';
import { written, writtenInterval } from '../evaluation/figure-names.ts';
import { table } from './table.ts';

/** Every group with its numbers, and below the gaps that were found. */
export function auditText(audit: {
	groups: AuditReport['groups']['columns'];
	measures: AuditReport['measures'];
	intervals: AuditReport['intervals'];
}): string {
	const { groups, measures, intervals } = audit;
	const rows = groups.flatMap(({ name, groups: own }, column) =>
		own.map(({ label, people, isSmall }, at) => [
			name,
			label,
			isSmall ? `${people} (few)` : String(people),
			...measureNames.map((measure) => {
				const { value, gap } = measures[measure].columns[column]!.groups[at]!;
				return value === null ? '-' : `${written(value, measures[measure])}${gap?.isFound ? ' *' : ''}`;
			}),
		]),
	);
	const header = ['column', 'group', 'people', ...measureNames.map((name) => measures[name].title)];
	const found = foundGaps(audit).map(({ measure, column, label, value, interval, isWorse }) => {
		const naming = measures[measure];
		const by = `${written(value, naming)} (${writtenInterval({ interval }, naming)})`;
		return `* ${column}, ${label}: ${naming.title} ${isWorse ? 'worse' : 'better'} than of the others, by ${by}`;
	});
	const none =
		intervals.gaps === 0
			? `Nothing was compared: no two groups have ${leastPeople} people, and fewer are not compared.`
			: `No group differs from the others by more than chance explains, in ${intervals.gaps} gaps.`;
	return [table(header, rows), '', ...(found.length === 0 ? [none] : found)].join('\n');
}
