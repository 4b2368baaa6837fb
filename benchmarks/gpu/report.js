/**
 * What the programs of bench:gpu print on stdout: lines of JSON, each as soon as it is known, so that a program that fails or
 * is stopped has reported its findings until then. A line with `values` is a result; others are about the whole run.
 */

/**
 * @typedef {{ name: string, rows?: number, unit: string, values: (number | null)[] }} Result
 * @typedef {{ results: Result[] } & Record<string, any>} Report
 * @param {string} stdout - lines that are not JSON are for people, or were cut off
 * @returns {Report}
 */
export function readReport(stdout) {
	/** @type {Report} */
	const report = { results: [] };
	for (const line of stdout.split('\n')) {
		const found = line.startsWith('{') ? parsed(line) : undefined;
		if (found === undefined) continue;
		if ('values' in found) report.results.push(found);
		else Object.assign(report, found);
	}
	return report;
}

/** @param {string} line */
function parsed(line) {
	try {
		return JSON.parse(line);
	} catch {
		return undefined;
	}
}
