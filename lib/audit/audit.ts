// From photos of people and the groups they belong to, to a report of whether portraits are as good of everyone.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Arc2FaceError } from '../errors.ts';
import { measure, type Prepared, type Tools } from '../evaluation/evaluate.ts';
import type { Survey } from '../evaluation/survey.ts';
import { onDisk } from '../files/on-disk.ts';
import { writeWhole } from '../files/write.ts';
import { compareGroups } from './comparison.ts';
import type { Groups } from './groups.ts';
import { numbersOf } from './measures.ts';
import { auditPageOf } from './page.ts';
import { type AuditReport, auditReportOf } from './report.ts';
import { type Threshold, thresholdOf } from './threshold.ts';

export type Audited = Readonly<{
	report: AuditReport;
	/** Photos and portraits that could not be used, which the report only counts. */
	failed: Survey['failed'];
}>;

const fileName = 'audit.json';

/**
 * Measures, and writes `audit.json` and `audit.html` beside what an evaluation of the same run writes.
 *
 * @param groups - of the people who are evaluated
 * @param minSimilarity - below it a portrait has failed; undefined: what tells best whether two photos show one person
 * @throws {Arc2FaceError} as an evaluation does
 */
export async function audit(
	prepared: Prepared,
	groups: Groups,
	minSimilarity: number | undefined,
	tools: Tools,
): Promise<Audited> {
	const { people, options, folder } = prepared;
	const { seed } = options;
	const measured = await measure(prepared, tools);
	const asked: Threshold | undefined = minSimilarity === undefined ? undefined : { value: minSimilarity, by: 'user' };
	const threshold = asked ?? thresholdOf(measured.examination.evidence);
	const numbers = numbersOf(measured, people, threshold);
	const comparison = await compareGroups(numbers, groups.divisions, { seed, run: tools.run });
	const report = auditReportOf(measured.circumstances, groups, { threshold, comparison, made: new Date() });
	await writeWhole(join(folder, fileName), `${JSON.stringify(report, undefined, '\t')}\n`);
	await writeWhole(join(folder, 'audit.html'), auditPageOf(report));
	const { photos, portraits } = measured.circumstances;
	return { report, failed: [...photos.failed, ...portraits.failed] };
}

/** @throws {Arc2FaceError} `INVALID_ARGUMENT` for a folder that holds an audit by other groups, or of another threshold; `FILE_FAILED` */
export async function requireOwnAudit(
	folder: string,
	{ source, digest }: Groups,
	minSimilarity: number | undefined,
): Promise<void> {
	const file = join(folder, fileName);
	const text = await onDisk('read', file, () =>
		readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
			if (error.code === 'ENOENT') return undefined;
			throw error;
		}),
	);
	if (text === undefined) return;
	const before = parsed(text);
	const isSame = before?.groups?.digest === digest;
	const asked = before?.threshold?.by === 'user' ? before.threshold.value : undefined;
	if (isSame && asked === minSimilarity) return;
	const other = isSame ? 'with another --min-similarity' : `by other groups than those in ${source}`;
	throw new Arc2FaceError('INVALID_ARGUMENT', `${folder} holds an audit ${other}.`, {
		remedy: `Move or delete ${file}, or choose another folder with --out: portraits stay where they are. Nothing was changed.`,
		details: { option: 'out', file: resolve(file) },
	});
}

function parsed(text: string): Partial<AuditReport> | undefined {
	try {
		return JSON.parse(text);
	} catch {
		return undefined; // not written by this package
	}
}
