// What work takes, by the clock and by the processor.
import { median } from './portraits/statistics.ts';

/** Milliseconds by the clock, and of all processors, which says less of what else the machine does. */
export type Times = Readonly<{ clock: number; processor: number }>;

export async function timed(work: () => Promise<unknown>): Promise<Times> {
	const [start, used] = [performance.now(), process.cpuUsage()];
	await work();
	const { user, system } = process.cpuUsage(used);
	return { clock: performance.now() - start, processor: (user + system) / 1000 };
}

export function mediansOf(times: readonly Times[]): Times {
	return { clock: median(times.map(({ clock }) => clock)), processor: median(times.map(({ processor }) => processor)) };
}
