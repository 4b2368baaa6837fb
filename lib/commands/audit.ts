// `audit`: whether portraits are as good of everyone, by groups that the user names.
import { join } from 'node:path';
import { auditText } from '../cli/audit.ts';
import { defineCommand, UsageError } from '../cli/command.ts';
import { exitCodeOfAll } from '../cli/inputs.ts';
import { measuring, measuringOptions, requireOut } from '../cli/measuring.ts';
import { warningsOf } from '../cli/wording.ts';
import { checkAuditOptions } from '../options/evaluation.ts';

export default defineCommand({
	arguments: ['<photos>'],
	options: {
		groups: {
			type: 'path',
			value: 'FILE',
			help: 'a CSV with the column person (or file) and one or more of labels, for all people in the photos (needed)',
		},
		minSimilarity: {
			type: 'number',
			value: 'X',
			help: 'similarity to the input below which a portrait has failed (default: what tells best whether two photos show one person)',
		},
		...measuringOptions,
	},
	example: 'arc2face audit people --groups groups.csv --out report',
	json: {
		audit: 'where the whole audit was written as JSON',
		page: 'where it was written as a page',
		groups: 'columns of the file of labels, and the groups in each: label, people, isSmall',
		measures: 'by name: title, how, better; of everyone; columns[].groups[] with value, interval and gap; the largest',
		intervals: 'how those of gaps were made: confidence, how many gaps, how many standard errors',
		failed: 'photos and portraits that could not be used',
		'failed[].source': 'the file, as the folder or list names it',
		'failed[].error': 'why',
		notes: 'what to know about the whole, such as which groups are too small',
		warnings: 'what may be wrong with the model: code and message of each',
	},

	async run({ values, positionals }, context) {
		const photos = positionals[0]!;
		const { groups: file, minSimilarity } = values;
		if (file === undefined) throw new UsageError('Expected a file for --groups but received none.');
		const out = await requireOut(values);
		checkAuditOptions({ minSimilarity });
		// Imported here: without sharp, which it needs, `--help` still answers.
		const { readPeople } = await import('../evaluation/people.ts');
		const { readGroups } = await import('../audit/groups.ts');
		const { audit, requireOwnAudit } = await import('../audit/audit.ts');
		const groups = await readGroups(file, (await readPeople(photos)).people);
		await requireOwnAudit(out, groups, minSimilarity);
		return await measuring(photos, values, context, async (prepared, tools) => {
			const { report, failed } = await audit(prepared, groups, minSimilarity, tools);
			return {
				audit: join(out, 'audit.json'),
				page: join(out, 'audit.html'),
				groups: report.groups.columns,
				...{ measures: report.measures, intervals: report.intervals },
				failed: failed.map(({ name, error }) => ({ source: name, error })),
				notes: report.warnings,
				warnings: warningsOf(tools.model.info),
			};
		});
	},

	text: ({ page, notes, groups, measures, intervals }) =>
		[auditText({ groups, measures, intervals }), '', ...notes, '', `The audit is in ${page}`].join('\n'),

	exitCode: ({ failed }) => exitCodeOfAll(failed),
});
