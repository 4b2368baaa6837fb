// Reads the JSON files of a bundle.
import { readFile } from 'node:fs/promises';
import { Arc2FaceError } from '../lib/errors.ts';
import { contentOf, obstacleAt, startBytes } from './file-content.ts';

/** A JSON file of a bundle: its fields are checked when read, with errors that name file, field and value. */
export class ConfigFile {
	/** Absolute path. */
	readonly file: string;
	readonly fields: Readonly<Record<string, unknown>>;

	constructor(file: string, json: unknown) {
		if (json === null || typeof json !== 'object' || Array.isArray(json)) {
			const problem = `Expected a JSON object in ${file} but received ${describe(json)}.`;
			throw new Arc2FaceError('INVALID_BUNDLE', problem, { remedy: bringFile, details: { file } });
		}
		this.file = file;
		this.fields = json as Record<string, unknown>;
	}

	/** @throws {Arc2FaceError} `INVALID_BUNDLE` for a file that is missing or not a JSON object */
	static async read(file: string): Promise<ConfigFile> {
		return new ConfigFile(file, await readJson(file));
	}

	/** A finite number, or the fallback when the field is missing or null. */
	number(field: string, fallback?: number): number {
		return this.#read(field, 'a number', (value) => Number.isFinite(value), fallback);
	}

	/** An integer in [from, to], or the fallback when the field is missing or null. */
	integer(field: string, [from, to]: readonly [number, number], fallback?: number): number {
		const fits = (value: unknown) => Number.isInteger(value) && (value as number) >= from && (value as number) <= to;
		return this.#read(field, `an integer from ${from} to ${to}`, fits, fallback);
	}

	/** A boolean, or `undefined` when the field is missing or null. */
	boolean(field: string): boolean | undefined {
		return this.#read<boolean | undefined>(
			field,
			'true or false',
			(value) => typeof value === 'boolean',
			undefined,
			true,
		);
	}

	/** One of the choices, or the fallback (which may be `undefined`) when the field is missing or null. */
	choice<T extends string, F extends T | undefined>(field: string, choices: readonly T[], fallback: F): T | F {
		const fits = (value: unknown) => choices.includes(value as T);
		return this.#read<T | F>(field, `one of ${choices.join(', ')}`, fits, fallback, true);
	}

	/** Numbers that all fit, or `undefined` when the field is missing or null. */
	numbers(field: string, expected: string, fits: (value: number) => boolean): readonly number[] | undefined {
		return this.#read<readonly number[] | undefined>(
			field,
			expected,
			(value) => Array.isArray(value) && value.every((one) => Number.isFinite(one) && fits(one)),
			undefined,
			true,
		);
	}

	/** The error for a field that is not what it should be. */
	error(field: string, expected: string): Arc2FaceError {
		return new Arc2FaceError(
			'INVALID_BUNDLE',
			`Expected ${expected} for \`${field}\` in ${this.file} but received ${describe(this.fields[field])}.`,
			{ remedy: correctField, details: { file: this.file, field } },
		);
	}

	#read<T>(
		field: string,
		expected: string,
		fits: (value: unknown) => boolean,
		fallback: T | undefined,
		optional = false,
	): T {
		const value = this.fields[field] ?? undefined;
		if (value === undefined && (fallback !== undefined || optional)) return fallback as T;
		if (!fits(value)) throw this.error(field, expected);
		return value as T;
	}
}

const bringFile = 'Take the file from the model that the weights are from.';
const correctField = 'Correct the field, or take the file from the model that the weights are from.';

/** @throws {Arc2FaceError} `INVALID_BUNDLE` for a file that is missing or not JSON */
export async function readJson(file: string): Promise<unknown> {
	let bytes: Uint8Array;
	try {
		bytes = await readFile(file);
	} catch (error) {
		const cause = error as NodeJS.ErrnoException;
		const { what, remedy = bringFile } = await obstacleAt(file, cause);
		const details = { file, ...(cause.code && { systemCode: cause.code }) };
		const problem = `Expected a JSON file for ${file} but received ${what}.`;
		throw new Arc2FaceError('INVALID_BUNDLE', problem, { remedy, details, cause });
	}
	return parse(bytes, file);
}

function parse(bytes: Uint8Array, file: string): unknown {
	try {
		// Without the byte order mark that some editors put first.
		return JSON.parse(new TextDecoder().decode(bytes));
	} catch (cause) {
		const { what, remedy = bringFile } = contentOf(bytes.subarray(0, startBytes)) ?? { what: 'other bytes' };
		const problem =
			what === 'JSON'
				? `The JSON in ${file} is damaged: ${(cause as Error).message}.`
				: `Expected JSON in ${file} but received ${what}.`;
		throw new Arc2FaceError('INVALID_BUNDLE', problem, { remedy, details: { file }, cause });
	}
}

function describe(value: unknown): string {
	return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80);
}
