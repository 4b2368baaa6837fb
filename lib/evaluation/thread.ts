// A thread that computes figures: see `threads.ts`.
import { parentPort, workerData } from 'node:worker_threads';
import { compute } from './figures.ts';
import type { ThreadMessage } from './threads.ts';

parentPort!.postMessage({ answer: compute(workerData) } satisfies ThreadMessage);
