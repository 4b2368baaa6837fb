// Shows the progress of long work.
import { SingleBar } from 'cli-progress';
import { formatBytes } from './bytes.ts';
import type { Context } from './command.ts';

type State = Parameters<Context['progress']>[1];

/** Off a terminal: quick work stays quiet, and a log does not fill up. */
const lineEveryMs = 10_000;

/** Shows progress: on a lively terminal a bar per label, elsewhere a line per label and another now and then. */
export class Progress {
	readonly #stream: NodeJS.WriteStream;
	readonly #isLively: boolean;
	#label: string | undefined;
	/** What was shown last, also of a label that something else was written after. */
	#last: { label: string; done: number; total: number } | undefined;
	#begun = { at: 0, done: 0 };
	#bar: SingleBar | undefined;
	#lastLine = 0;

	/** @param isLively - whether a bar may move on it */
	constructor(stream: NodeJS.WriteStream, isLively: boolean) {
		this.#stream = stream;
		this.#isLively = isLively;
	}

	show(label: string, state: State): void {
		const { done, total = done } = state;
		if (label !== this.#label) this.#begin(label, state);
		this.#last = { label, done, total };
		if (!this.#isLively && performance.now() - this.#lastLine >= lineEveryMs) {
			this.#writeLine(`${label}: ${describe(state)}${isCounted(state.unit) ? this.#left(state) : ''}`);
		}
		this.#bar?.setTotal(total);
		this.#bar?.update(done, { left: this.#left(state) });
	}

	/** Leaves the bar as it is and frees the line below it. */
	end(): void {
		this.#bar?.stop();
		this.#bar = undefined;
		this.#label = undefined;
	}

	#begin(label: string, { done, total = done, unit }: State): void {
		this.end();
		this.#label = label;
		const goesOn = label === this.#last?.label && total === this.#last.total && done >= this.#last.done;
		if (!goesOn) this.#begun = { at: performance.now(), done };
		if (!this.#isLively) {
			if (goesOn) return;
			const isNamed = unit === 'steps' || isCounted(unit);
			this.#writeLine(isNamed ? `${label}: ${total} ${total === 1 ? singular(unit) : unit}` : label);
			return;
		}
		this.#bar = new SingleBar({
			stream: this.#stream,
			format: unit === 'percent' ? '{label} [{bar}] {value} %' : '{label} [{bar}] {value}/{total}{left}',
			barsize: 24,
			formatValue: (value, _, type) =>
				unit === 'bytes' && (type === 'value' || type === 'total') ? formatBytes(value) : String(value),
			// The program restores the terminal itself when it is interrupted.
			gracefulExit: false,
			hideCursor: false,
		});
		this.#bar.start(total, done, { label, left: '' });
	}

	/**
	 * By the mean since the label's first state: the bar's own estimate follows the latest pieces, which come in bursts, and has no
	 * text for a rate that is not known yet. Networks and percents stand for pieces of work that differ in length.
	 */
	#left({ done, total = done, unit }: State): string {
		const gained = done - this.#begun.done;
		if (gained <= 0 || done >= total || unit === 'networks' || unit === 'percent') return '';
		const seconds = (performance.now() - this.#begun.at) / gained / 1000;
		const rate = isCounted(unit) ? `${formatRate(1 / seconds)}, ` : '';
		return ` (${rate}${formatSeconds(seconds * (total - done))} left)`;
	}

	#writeLine(text: string): void {
		this.#lastLine = performance.now();
		this.#stream.write(`${text}\n`);
	}
}

/** What is counted one by one, for hours: its rate is told. */
function isCounted(unit: State['unit']): boolean {
	return unit === 'people' || unit === 'images' || unit === 'shards';
}

function singular(unit: State['unit']): string {
	return unit === 'people' ? 'person' : unit.slice(0, -1);
}

/** `4.2 a second`, `12 a minute`, `40 an hour` */
function formatRate(perSecond: number): string {
	const [number, unit] =
		perSecond >= 1
			? [perSecond, 'a second']
			: perSecond >= 1 / 60
				? [60 * perSecond, 'a minute']
				: [3600 * perSecond, 'an hour'];
	return `${number.toFixed(number < 10 ? 1 : 0)} ${unit}`;
}

function describe({ done, total, unit }: State): string {
	if (unit === 'percent') return `${done} %`;
	const number = unit === 'bytes' ? formatBytes : String;
	return `${unit === 'steps' ? 'step ' : ''}${number(done)}${total === undefined ? '' : ` of ${number(total)}`}`;
}

/** `50 s`, `12 min`, `3 h 5 min` */
function formatSeconds(seconds: number): string {
	if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
	const minutes = Math.round(seconds / 60);
	return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
