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
		if (!this.#isLively && performance.now() - this.#lastLine >= lineEveryMs) {
			this.#writeLine(`${label}: ${describe(state)}`);
		}
		this.#bar?.setTotal(total);
		this.#bar?.update(done);
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
		if (!this.#isLively) {
			this.#writeLine(label);
			return;
		}
		this.#bar = new SingleBar({
			stream: this.#stream,
			// Percents stand for work whose steps differ in length.
			format:
				unit === 'percent' ? '{label} [{bar}] {value} %' : '{label} [{bar}] {value}/{total} ({eta_formatted} left)',
			barsize: 24,
			// Updates to estimate the time left from: bytes come in thousands of pieces a second.
			etaBuffer: unit === 'bytes' ? 2000 : 10,
			formatValue: (value, _, type) =>
				unit === 'bytes' && (type === 'value' || type === 'total') ? formatBytes(value) : String(value),
			// The program restores the terminal itself when it is interrupted.
			gracefulExit: false,
			hideCursor: false,
		});
		this.#bar.start(total, done, { label });
	}

	#writeLine(text: string): void {
		this.#lastLine = performance.now();
		this.#stream.write(`${text}\n`);
	}
}

function describe({ done, total, unit }: State): string {
	if (unit === 'percent') return `${done} %`;
	const number = unit === 'bytes' ? formatBytes : String;
	return `${unit === 'steps' ? 'step ' : ''}${number(done)}${total === undefined ? '' : ` of ${number(total)}`}`;
}
