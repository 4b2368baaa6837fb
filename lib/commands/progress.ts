import { SingleBar } from 'cli-progress';
import { formatBytes } from './bytes.ts';
import type { Context } from './command.ts';

type State = Parameters<Context['progress']>[1];

/** Shows on a terminal how far the work is, one bar per label; elsewhere one line per label. */
export class Progress {
	readonly #stream: NodeJS.WriteStream;
	#label: string | undefined;
	#bar: SingleBar | undefined;

	constructor(stream: NodeJS.WriteStream) {
		this.#stream = stream;
	}

	show(label: string, { done, total = done, unit }: State): void {
		if (label !== this.#label) this.#begin(label, { done, total, unit });
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
		if (!this.#stream.isTTY) {
			this.#stream.write(`${label}\n`);
			return;
		}
		this.#bar = new SingleBar({
			stream: this.#stream,
			format: '{label} [{bar}] {value}/{total} ({eta_formatted} left)',
			barsize: 24,
			// Updates that the time left is estimated from: bytes come in thousands of pieces a second.
			etaBuffer: unit === 'bytes' ? 2000 : 10,
			formatValue: (value, _, type) =>
				unit === 'bytes' && (type === 'value' || type === 'total') ? formatBytes(value) : String(value),
			// The program restores the terminal itself when it is interrupted.
			gracefulExit: false,
			hideCursor: false,
		});
		this.#bar.start(total, done, { label });
	}
}
