/** Stages of a long command: one after another, each with a heading, then a summary. */
import { spawnSync } from 'node:child_process';

/** Why a stage could not run here. */
export class LeftOut extends Error {}

/** A command that failed. */
export class CommandFailed extends Error {
	/** @param {string} message @param {{ stdout?: string, outOfTime?: boolean }} [how] */
	constructor(message, { stdout = '', outOfTime = false } = {}) {
		super(message);
		/** Its output until then, if captured. */
		this.stdout = stdout;
		this.outOfTime = outOfTime;
	}
}

export class Stages {
	#end;
	#started = Date.now();
	/** @type {{ name: string, seconds: number, outcome: 'passed' | 'failed' | 'left out', reason?: string }[]} */
	#ended = [];
	#onEnd;

	/**
	 * @param {number} limitMs - the time for all stages together
	 * @param {() => void} [onEnd] - called after every stage: a later one may end the process
	 */
	constructor(limitMs, onEnd = () => {}) {
		this.#end = this.#started + limitMs;
		this.#onEnd = onEnd;
	}

	get remainingMs() {
		return this.#end - Date.now();
	}

	get hasFailed() {
		return this.#ended.some(({ outcome }) => outcome === 'failed');
	}

	/** What passed, and in what time. */
	get passed() {
		return this.#ended
			.filter(({ outcome }) => outcome === 'passed')
			.map(({ name, seconds }) => ({ what: name, seconds }));
	}

	/** What was left out, and why. */
	get leftOut() {
		return this.#endedAs('left out');
	}

	/** What failed, and how. */
	get failed() {
		return this.#endedAs('failed');
	}

	/** @param {'failed' | 'left out'} wanted */
	#endedAs(wanted) {
		return this.#ended
			.filter(({ outcome }) => outcome === wanted)
			.map(({ name, reason }) => ({ what: name, why: reason }));
	}

	/**
	 * Runs a stage, and continues whatever its outcome.
	 * @template T @param {string} name @param {() => T} work @returns {T | undefined} undefined when it failed or was left out
	 */
	run(name, work) {
		console.log(`\n=== ${name} (after ${seconds(this.#started)} s)`);
		const started = Date.now();
		try {
			if (this.remainingMs <= 0) throw new LeftOut('the time was up');
			const result = work();
			this.#ended.push({ name, seconds: seconds(started), outcome: 'passed' });
			console.log(`passed after ${seconds(started)} s`);
			return result;
		} catch (error) {
			const { message } = /** @type {Error} */ (error);
			const outcome = error instanceof LeftOut ? 'left out' : 'failed';
			console.log(`${outcome}: ${message}`);
			this.#ended.push({ name, seconds: seconds(started), outcome, reason: message });
			return undefined;
		} finally {
			this.#onEnd();
		}
	}

	/** Prints each stage's outcome. */
	report() {
		console.log(`\n=== after ${seconds(this.#started)} s`);
		for (const { name, seconds, outcome, reason } of this.#ended) {
			console.log(`${outcome.padEnd(9)} ${String(seconds).padStart(4)} s  ${name}${reason ? `: ${reason}` : ''}`);
		}
	}

	/**
	 * Runs a command until it ends or its time is up.
	 * @param {string} command @param {readonly string[]} args
	 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, capture?: boolean, limitMs?: number }} [options] - `capture`: return stdout
	 *   instead of showing it; `limitMs`: its share of the time
	 * @returns {{ stdout: string }}
	 * @throws {CommandFailed}
	 */
	command(command, args, { capture = false, limitMs = this.remainingMs, ...options } = {}) {
		const { status, error, signal, stdout } = spawnSync(command, args, {
			...options,
			stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'],
			encoding: 'utf8',
			maxBuffer: 2 ** 26,
			timeout: Math.max(1, Math.round(Math.min(limitMs, this.remainingMs))),
			killSignal: 'SIGKILL',
		});
		const shown = [command, ...args].join(' ');
		/** @param {string} how @param {boolean} [outOfTime] */
		const failed = (how, outOfTime) => new CommandFailed(how, { stdout: stdout ?? '', outOfTime });
		if (error && 'code' in error && error.code === 'ETIMEDOUT') throw failed(`the time was up in \`${shown}\``, true);
		if (error) throw failed(`\`${command}\` can't be run (${error.message})`);
		if (status === null) throw failed(`\`${shown}\` was ended by ${signal}`);
		if (status !== 0) throw failed(`\`${shown}\` failed with exit code ${status}`);
		return { stdout: stdout ?? '' };
	}
}

/** @param {number} since */
function seconds(since) {
	return Math.round((Date.now() - since) / 1000);
}
