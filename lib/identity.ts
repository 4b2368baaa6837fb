// A person, as a direction among faces: encoded from photos, and painted as portraits.
import { identitySize } from '../models/text-encoder.ts';
import { Arc2FaceError } from './errors.ts';
import type { EncodedFace } from './geometry.ts';
import { isArrayLike, isPromise } from './options/brands.ts';
import { describe, invalid } from './options/check.ts';
import type { Warning } from './warnings.ts';

/** Numbers in an ArcFace embedding. */
export const embeddingLength = identitySize;

/** What {@link Identity.from} takes: an identity, its JSON, or any non-zero vector of 512 finite numbers. */
export type IdentityLike = Identity | IdentityJson | ArrayLike<number>;
/** What `JSON.stringify` makes of an identity. */
export type IdentityJson = {
	/** 512 finite numbers, not all 0. */
	embedding: ArrayLike<number>;
};

/** A person as ArcFace sees one: a direction in 512 dimensions. Immutable, except that `embedding` can be written to. */
export class Identity {
	/** 512 numbers of length 1. */
	readonly embedding: Float32Array;
	/** The face that it was read from, if `encode` made it. */
	readonly face: EncodedFace | undefined;
	/** What may be wrong with that face. */
	readonly warnings: readonly Warning[];

	private constructor(embedding: Float32Array, { face, warnings }: { face?: EncodedFace; warnings?: Warning[] } = {}) {
		this.embedding = embedding;
		this.face = face;
		this.warnings = warnings ?? [];
	}

	/**
	 * From the recogniser's output: 512 numbers of any length but 0.
	 *
	 * @internal
	 */
	static ofFace(numbers: Float32Array, face: EncodedFace, warnings: Warning[]): Identity {
		return new Identity(Identity.from(numbers).embedding, { face, warnings });
	}

	/**
	 * @param value - 512 finite numbers of any length but 0, which are normalised; or an identity or its JSON
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`
	 */
	static from(value: IdentityLike): Identity {
		if (value instanceof Identity) return value;
		const numbers: unknown = hasEmbedding(value) ? value.embedding : value;
		if (isPromise(numbers)) throw noIdentity('a Promise', 'Await it first.');
		if (!isArrayLike(numbers)) throw noIdentity(describe(numbers), sourceOf(numbers));
		if (numbers.length !== embeddingLength) throw noIdentity(`${numbers.length} of them`);
		const list = Array.from(numbers);
		const odd = list.findIndex((number) => !Number.isFinite(number));
		if (odd >= 0) throw noIdentity(`${describe(list[odd])} at index ${odd}`);
		const embedding = Float64Array.from(list as number[]);
		if (embedding.every((number) => number === 0)) throw noIdentity('only zeros, which have no direction');
		return new Identity(normalise(embedding));
	}

	/**
	 * The identity between several: their weighted mean, brought back to length 1.
	 *
	 * @param identities - at least one
	 * @param weights - one per identity, not negative, not all 0 (default: all the same)
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also when the identities cancel out
	 */
	static mean(identities: readonly IdentityLike[], weights?: readonly number[]): Identity {
		if (!Array.isArray(identities) || identities.length === 0) {
			throw invalid('a list of at least one identity', 'identities', describe(identities));
		}
		const list = identities.map((one) => Identity.from(one).embedding);
		const share = weights ?? list.map(() => 1);
		if (
			!Array.isArray(share) ||
			share.length !== list.length ||
			!share.every((weight) => weight >= 0 && weight < Infinity)
		) {
			throw invalid(`${list.length} numbers of at least 0`, 'weights', describe(share));
		}
		const sum = new Float64Array(embeddingLength);
		list.forEach((embedding, i) => {
			for (let k = 0; k < embeddingLength; k++) sum[k]! += share[i]! * embedding[k]!;
		});
		// Unit vectors rounded to float32 leave a residue of this order when they cancel out.
		if (!(Math.hypot(...sum) > 1e-6 * Math.max(...share))) {
			throw invalid('those that do not cancel out', 'identities', 'some whose weighted sum is 0');
		}
		return new Identity(normalise(sum));
	}

	/**
	 * The identity on the arc from `a` to `b`: spherical linear interpolation.
	 *
	 * @param a - where the arc begins
	 * @param b - where it ends
	 * @param t - 0–1: 0 is `a`, 1 is `b`
	 * @throws {Arc2FaceError} `INVALID_ARGUMENT`, also for opposite identities, between which no arc is unique
	 */
	static slerp(a: IdentityLike, b: IdentityLike, t: number): Identity {
		if (!(typeof t === 'number' && t >= 0 && t <= 1)) {
			throw invalid('a number from 0 to 1', 't', describe(t));
		}
		const from = Identity.from(a);
		const to = Identity.from(b);
		const angle = Math.acos(Math.min(Math.max(from.similarity(to), -1), 1));
		const sine = Math.sin(angle);
		if (angle > 3 && sine < 1e-6) {
			throw invalid('one that is not opposite to `a`', 'b', 'its opposite, to which every way is as long');
		}
		// Between nearly equal identities the arc is straight, and sin(angle) a bad divisor.
		const near = sine < 1e-6;
		const fromShare = near ? 1 - t : Math.sin((1 - t) * angle) / sine;
		const toShare = near ? t : Math.sin(t * angle) / sine;
		const other = to.embedding;
		return new Identity(normalise(Float64Array.from(from.embedding, (x, k) => fromShare * x + toShare * other[k]!)));
	}

	/**
	 * Cosine of the angle between them, −1 to 1: the higher, the more alike.
	 *
	 * @param other - the identity to compare with
	 */
	similarity(other: IdentityLike): number {
		const { embedding } = Identity.from(other);
		return this.embedding.reduce((sum, x, k) => sum + x * embedding[k]!, 0);
	}

	/** {@link Identity.from} reads it back, exact to the last bit. */
	toJSON(): {
		/** 512 numbers, of length 1. */
		embedding: number[];
	} {
		return { embedding: Array.from(this.embedding) };
	}
}

function normalise(vector: Float64Array): Float32Array {
	// Divided by the largest first, so that the squares neither overflow nor vanish.
	const largest = vector.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
	const scaled = vector.map((x) => x / largest);
	const length = Math.sqrt(scaled.reduce((sum, x) => sum + x * x, 0));
	// A vector of length 1, up to rounding to float32, is kept to the last bit, so that JSON round trips are exact.
	const isUnit = Math.abs(length * largest - 1) < 1e-6;
	return Float32Array.from(isUnit ? vector : scaled.map((x) => x / length));
}

function hasEmbedding(value: unknown): value is IdentityJson {
	return typeof value === 'object' && value !== null && 'embedding' in value;
}

function noIdentity(received: string, remedy?: string): Arc2FaceError {
	const problem = `Expected ${embeddingLength} numbers for an identity but received ${received}.`;
	return new Arc2FaceError('INVALID_ARGUMENT', problem, { remedy, details: { option: 'identity' } });
}

/** How to get an identity from what was mistaken for one. */
function sourceOf(value: unknown): string | undefined {
	return typeof value === 'string'
		? 'A photo becomes an identity by `encode`; a saved one by `JSON.parse`.'
		: undefined;
}
