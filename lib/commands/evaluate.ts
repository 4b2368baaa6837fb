// `evaluate`: from photos of people to portraits of each, and to a report of how good these are.
import { join } from 'node:path';
import { defineCommand } from '../cli/command.ts';
import { figuresText } from '../cli/figures.ts';
import { exitCodeOfAll } from '../cli/inputs.ts';
import { measuring, measuringOptions } from '../cli/measuring.ts';
import { warningsOf } from '../cli/wording.ts';

export default defineCommand({
	arguments: ['<photos>'],
	options: measuringOptions,
	example: 'arc2face evaluate people --out report',
	json: {
		report: 'where the whole report was written as JSON',
		page: 'where it was written as a page',
		figures: 'by name: value (null: there is none, missing says why), interval, photos, sample, warnings of each',
		failed: 'photos and portraits that could not be used',
		'failed[].source': 'the file, as the folder or list names it',
		'failed[].error': 'why',
		notes: 'what to know about the whole, such as how much was left out',
		warnings: 'what may be wrong with the model: code and message of each',
	},

	async run({ values, positionals }, context) {
		return await measuring(positionals[0]!, values, context, async (prepared, tools) => {
			for (const note of new Set(Object.values(tools.missing))) if (note !== '') context.note(note);
			// Imported here: without sharp, which it needs, `--help` still answers.
			const { evaluate } = await import('../evaluation/evaluate.ts');
			const report = await evaluate(prepared, tools);
			return {
				report: join(prepared.folder, 'report.json'),
				page: join(prepared.folder, 'report.html'),
				figures: report.figures,
				failed: [...report.photos.failed, ...report.portraits.failed].map(({ name, error }) => ({
					source: name,
					error,
				})),
				notes: report.warnings,
				warnings: warningsOf(tools.model.info),
			};
		});
	},

	text: ({ page, figures, notes }) => [figuresText(figures), ...notes, '', `The report is in ${page}`].join('\n'),

	exitCode: ({ failed }) => exitCodeOfAll(failed),
});
