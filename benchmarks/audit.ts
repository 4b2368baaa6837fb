/**
 * The audit that comes with the embedded bundle: of the people held out from training, in thirds by what the renderer drew them from, judged by
 * the evaluator, which no part of the bundle was trained with.
 *
 *   npm run audit
 *
 * Writes photos and groups as lists and the run to benchmarks/out/audit, and from there audit.json and audit.html to models/tiny.
 */
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { packageRoot } from '../lib/package.ts';
import { defaultEvaluator } from './portraits/evaluation-model.ts';
import { labelPeople } from './portraits/groups.ts';
import { readPeople } from './portraits/people.ts';

const folder = join(packageRoot, 'benchmarks', 'out', 'audit');
const bundle = join(packageRoot, 'models', 'tiny');
const [photos, groups, report] = ['people.csv', 'groups.csv', 'report'].map((name) => join(folder, name));

const people = await readPeople();
await mkdir(folder, { recursive: true });
const photoRows = people.flatMap(({ name, photos: own }) =>
	own.map(({ file }) => ({ person: name, file: relative(folder, file) })),
);
await writeFile(photos!, stringify(photoRows, { header: true }));
const divisions = labelPeople(people.map(({ traits }) => traits));
/** The highest of a person's thirds: who is in the first of all comes first, so that groups come in their order. */
const heightOf = (at: number) => Math.max(...divisions.map(({ thirds, labelOf }) => thirds.indexOf(labelOf[at]!)));
const groupRows = [...people.keys()]
	.sort((a, b) => heightOf(a) - heightOf(b))
	.map((at) => {
		const labels = divisions.map(({ column, labelOf }) => [column, labelOf[at]!]);
		return { person: people[at]!.name, ...Object.fromEntries(labels) };
	});
await writeFile(groups!, stringify(groupRows, { header: true }));
// Portraits stay; those of another bundle are refused.
for (const name of ['audit.json', 'audit.html']) await rm(join(report!, name), { force: true });
const program = join(packageRoot, 'dist', 'lib', 'cli', 'launch.cjs');
const judging = ['--judge', defaultEvaluator, '--bundle', 'tiny'];
const { status } = spawnSync(
	process.execPath,
	[program, 'audit', photos!, '--groups', groups!, '--out', report!, ...judging],
	{ stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);
for (const name of ['audit.json', 'audit.html']) await copyFile(join(report!, name), join(bundle, name));
