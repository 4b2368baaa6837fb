// How much memory this process may still take: of the machine, and of the control group that a container is.
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname, join } from 'node:path';

const meminfo = '/proc/meminfo';
const ownGroup = '/proc/self/cgroup';
const groups = '/sys/fs/cgroup';

/**
 * Pages of files count as available, as the kernel lets go of them before it ends a process: a model's weights are such pages, and
 * `process.availableMemory()` takes them for used.
 *
 * @param read - a file's text; undefined if there is none
 */
export function availableBytes(read: (file: string) => string | undefined = readIfThere): number {
	const machine = kilobytes(read(meminfo), 'MemAvailable') ?? freemem();
	return Math.min(machine, ...groupsOf(read(ownGroup)).map((group) => leftInGroup(group, read)));
}

/** The group of this process, version 2 of control groups, and those around it: each may have a limit. */
function groupsOf(text = ''): string[] {
	const [, path] = /^0::(\/.*)$/m.exec(text) ?? [];
	if (path === undefined) return [];
	const all: string[] = [];
	for (let group = path; ; group = dirname(group)) {
		all.push(join(groups, group));
		if (group === '/') return all;
	}
}

function leftInGroup(group: string, read: (file: string) => string | undefined): number {
	const limit = Number(read(join(group, 'memory.max'))); // NaN for `max`, and for the root, which has none
	const used = Number(read(join(group, 'memory.current')));
	if (!(limit >= 0) || !(used >= 0)) return Number.POSITIVE_INFINITY;
	const stat = read(join(group, 'memory.stat')) ?? '';
	const ofFiles = ['inactive_file', 'active_file'].map((name) =>
		Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0),
	);
	return Math.max(0, limit - used + ofFiles.reduce((sum, bytes) => sum + bytes, 0));
}

function kilobytes(text: string | undefined, name: string): number | undefined {
	const [, digits] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text ?? '') ?? [];
	return digits === undefined ? undefined : Number(digits) * 1024;
}

function readIfThere(file: string): string | undefined {
	try {
		return readFileSync(file, 'utf8');
	} catch {
		return undefined; // another system, or a group that another namespace hides
	}
}
