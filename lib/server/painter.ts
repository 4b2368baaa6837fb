// What the server needs of a model, or of a pool of them.
import type { Arc2Face } from '../arc2face.ts';

/** Paints: one model, or several. */
export type Painter = Pick<
	Arc2Face,
	'info' | 'isLost' | 'detect' | 'encode' | 'generate' | 'generateEach' | 'usage' | 'dispose'
> & {
	/** Of a pool. */
	models?: readonly Pick<Arc2Face, 'info'>[];
};
