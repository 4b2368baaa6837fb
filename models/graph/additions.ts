// Low-rank additions to layers, as scopes hand them on.
import type { LowRank, LowRankLayer } from '../weights/low-rank.ts';
import type { Value } from './graph.ts';

/** Low-rank additions to the layers of a network, and for which rows of the batch. */
export type Additions = Readonly<{
	layers: LowRank;
	/** The number of rows, int64 [1]. */
	batch: Value;
	/** The indices of the rows that have them, int64 [rows], so that the others cost nothing; undefined: all rows compute them. */
	rows: Value | undefined;
	/** How strongly those rows have them, [rows] in the compute type. */
	strength: Value;
}>;

/** The addition to one layer. */
export type Addition = LowRankLayer & Omit<Additions, 'layers'>;
