import type { Command } from '../cli/command.ts';
import compare from './compare.ts';
import detect from './detect.ts';
import doctor from './doctor.ts';
import encode from './encode.ts';
import engines from './engines.ts';
import generate from './generate.ts';
import pull from './pull.ts';

export const commands: readonly Command[] = [generate, encode, detect, compare, pull, engines, doctor];
