// Formats sizes for people.
const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** A size in decimal units, as disks are sold: `3.4 GB`. */
export function formatBytes(bytes: number): string {
	let [value, unit] = [bytes, 0];
	// 999.95 would round to 1000.0.
	while (value >= 999.95 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
	return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
