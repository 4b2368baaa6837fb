// torch.randn of a CPU generator as PyTorch defines it, in double precision and one number at a time: what the core's noise is
// checked against where no values are recorded. https://github.com/pytorch/pytorch/blob/v2.3.0/aten/src/ATen/native/cpu/DistributionTemplates.h

/** Outputs of the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998): 32 bits each. */
function mersenneTwister(seed: number): () => number {
	const state = new Uint32Array(624);
	state[0] = seed % 2 ** 32;
	for (let i = 1; i < 624; i++) {
		state[i] = Math.imul(1_812_433_253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i;
	}
	let at = 624;
	return () => {
		if (at === 624) {
			for (let i = 0; i < 624; i++) {
				const bits = (state[i]! & 0x80000000) | (state[(i + 1) % 624]! & 0x7fffffff);
				state[i] = state[(i + 397) % 624]! ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
			}
			at = 0;
		}
		let y = state[at++]!;
		y ^= y >>> 11;
		y ^= (y << 7) & 0x9d2c5680;
		y ^= (y << 15) & 0xefc60000;
		return (y ^ (y >>> 18)) >>> 0;
	};
}

/** Draws from one generator: each call gives that many standard normal numbers. */
export function torchGenerator(seed: number): (count: number) => Float64Array {
	const next = mersenneTwister(seed);
	/** 24 bits, as for float32. */
	const uniform = () => (next() & 0xffffff) / 2 ** 24;
	/** 53 bits of two outputs, the first of which is the upper one. */
	const uniformDouble = () => ((next() & 0x1fffff) * 2 ** 32 + next()) / 2 ** 53;

	/** 16 numbers from 16 uniform ones: j and j + 8 are a pair of the Box-Muller transform. */
	function block(): number[] {
		const u = Array.from({ length: 16 }, uniform);
		return u.map((_, i) => {
			const radius = Math.sqrt(-2 * Math.log(1 - u[i % 8]!));
			const angle = 2 * Math.PI * u[(i % 8) + 8]!;
			return radius * (i < 8 ? Math.cos(angle) : Math.sin(angle));
		});
	}

	let kept: number | undefined;
	/** One number at a time; the second of a pair waits for the next. */
	function single(): number {
		if (kept !== undefined) {
			const value = kept;
			kept = undefined;
			return value;
		}
		const angle = 2 * Math.PI * uniformDouble();
		const radius = Math.sqrt(-2 * Math.log1p(-uniformDouble()));
		kept = radius * Math.sin(angle);
		return radius * Math.cos(angle);
	}

	return (count) => {
		if (count < 16) return Float64Array.from({ length: count }, single);
		const values = new Float64Array(count);
		for (let at = 0; at + 16 <= count; at += 16) values.set(block(), at);
		// The uniform numbers of an incomplete block are drawn all the same, and the last 16 then again.
		for (let i = 0; i < count % 16; i++) uniform();
		if (count % 16 !== 0) values.set(block(), count - 16);
		return values;
	};
}
