// `doctor`: what this machine can run, and what is missing.
import { formatBytes } from '../cli/bytes.ts';
import { defineCommand } from '../cli/command.ts';
import { exitCodes } from '../cli/exit-codes.ts';
import { table } from '../cli/table.ts';
import { type BundleState, bundleProblems, type DataFolder, findBundles } from '../doctor/bundles.ts';
import type { BundleFile } from '../doctor/examined.ts';
import { gpuProblems, gpuRows, libraryTable } from '../doctor/gpus.ts';
import { examineMachine, type Machine, type NvidiaDriver } from '../doctor/machine.ts';

export interface Problem {
	problem: string;
	remedy: string;
}

export type Examination = Machine & {
	bundles: readonly BundleState[];
	/** The bundle to look at. */
	bundle?: string | undefined;
	dataFolder: DataFolder;
};

export default defineCommand({
	arguments: [],
	options: {
		bundle: { type: 'path', value: 'NAME', help: 'check every file of this bundle, a name or a folder' },
	},
	example: 'arc2face doctor --bundle ./my-bundle',
	json: {
		system: 'the machine',
		node: 'version of Node.js',
		package: 'version and folder of this package',
		addon: 'path of the native addon, or why it does not load',
		sharp: 'its version, or why it does not load',
		device: 'where networks run, with what, and why',
		driver: 'traces of an NVIDIA driver',
		gpus: 'the GPUs, the libraries that were looked for, and the cached engines',
		bundles: 'the model folders, what each has, and what is wrong with it',
		bundle: 'the one of --bundle',
		dataFolder: 'where bundles are downloaded to, and its free space',
		canRun: 'whether this machine can run bundles',
		'problems[].problem': 'what is in the way',
		'problems[].remedy': 'what to do about it',
	},

	async run({ values: { bundle } }) {
		const found: Examination = { ...(await examineMachine()), ...(await findBundles(bundle)), bundle };
		return { ...found, canRun: canRun(found), problems: problemsOf(found) };
	},

	text: (report) => {
		const { canRun, problems } = report;
		const lines = problems.map(({ problem, remedy }) => `  - ${problem}${remedy && `\n    ${remedy}`}`);
		return [
			table(['what', 'found'], rowsOf(report)),
			'',
			...(report.gpus.libraries.length === 0 || report.gpus.parts !== undefined
				? []
				: [libraryTable(report.gpus.libraries), '']),
			...(report.bundles.length === 0 ? [] : [bundleTable(report.bundles), '']),
			...(report.bundle === undefined ? [] : report.bundles.flatMap(({ files }) => [fileTable(files), ''])),
			...(problems.length === 0 ? ['No problems.'] : ['Problems:', ...lines]),
			...(canRun ? [] : ['', 'Nothing can run on this machine until these are solved.']),
		].join('\n');
	},

	exitCode: ({ canRun, bundle, bundles }) =>
		canRun && (bundle === undefined || bundles.flatMap(bundleProblems).length === 0)
			? exitCodes.done
			: exitCodes.failed,
});

/** Whether this machine can run bundles. It need not have one: any folder can be one. */
export function canRun({ addon, sharp, device }: Examination): boolean {
	return 'path' in addon && 'version' in sharp && 'version' in device;
}

/** The obstacles, most fundamental first. */
export function problemsOf(examination: Examination): Problem[] {
	const { addon, sharp, device, driver, gpus, bundle, bundles } = examination;
	const problems: Problem[] = [];
	if ('error' in addon) {
		problems.push({ problem: `The native addon does not load: ${addon.error}`, remedy: addon.remedy });
	}
	if ('error' in sharp) problems.push({ problem: `sharp does not load: ${sharp.error}`, remedy: sharp.remedy });
	if (device.error !== undefined) problems.push({ problem: device.error, remedy: device.remedy ?? '' });
	problems.push(...gpuProblems(gpus, Object.keys(driver).length > 0));
	problems.push(...bundles.flatMap(bundleProblems));
	if (bundle === undefined && !bundles.some(({ usable }) => usable)) {
		problems.push({
			problem: 'No bundle is complete, so there is nothing to paint with.',
			remedy: 'Run `arc2face pull`, or name a bundle folder with --bundle.',
		});
	}
	return problems;
}

function rowsOf({
	system,
	node,
	package: own,
	addon,
	sharp,
	device,
	driver,
	gpus,
	dataFolder,
}: Examination): string[][] {
	const reasons = 'reasons' in device ? device.reasons : [device.error];
	return [
		['machine', `${system.platform} ${system.release}, ${system.arch}`],
		['processor', `${system.cpu}, ${system.threads} threads, ${formatBytes(system.memoryBytes)} memory`],
		['Node.js', node],
		['arc2face-native', `${own.version} in ${own.folder}`],
		['addon', 'path' in addon ? addon.path : 'not found'],
		['sharp', 'version' in sharp ? sharp.version : 'not found'],
		['device', describeDevice(device)],
		...reasons.map((reason, i) => [i === 0 ? 'because' : '', reason]),
		['NVIDIA driver', describeDriver(driver)],
		...gpuRows(gpus),
		[
			'data folder',
			`${dataFolder.path}${dataFolder.freeBytes === undefined ? '' : `, ${formatBytes(dataFolder.freeBytes)} free`}`,
		],
	];
}

export function describeDevice(found: Machine['device']): string {
	if (!('device' in found)) return 'none';
	const { device, provider, version, error } = found;
	return `${device} (${provider}${version ? ` ${version}` : error ? ' not working' : ', untested without the addon'})`;
}

function describeDriver({ gpu, kernel, library, tool }: NvidiaDriver): string {
	const traces = [kernel, library, tool].filter((trace) => trace !== undefined);
	if (traces.length > 0) return traces.join('; ');
	return gpu === undefined ? 'none found' : `none found for the GPU at ${gpu} on the PCI bus`;
}

function fileTable(files: readonly BundleFile[]): string {
	return table(
		['file', 'size', 'what it is', 'used for'],
		files.map((file) => [
			file.path,
			file.bytes === undefined ? '' : formatBytes(file.bytes),
			stateOf(file),
			file.use ?? 'nothing',
		]),
	);
}

function stateOf({ format = '', tensors, bytes, error }: BundleFile): string {
	if (error !== undefined) return `${bytes === undefined ? 'MISSING' : 'NOT RIGHT'}, see below`;
	return tensors === undefined ? format : `${format}, ${tensors} tensors`;
}

function bundleTable(bundles: readonly BundleState[]): string {
	return table(
		['bundle', 'state', 'photos', 'extras', 'folder'],
		bundles.map(({ name, usable, canEncode, extras, unfinished, folder }) => [
			name,
			usable ? 'complete' : unfinished.length > 0 ? 'incomplete' : 'not usable',
			canEncode ? 'yes' : 'no',
			extras.join(', ') || 'none',
			folder,
		]),
	);
}
