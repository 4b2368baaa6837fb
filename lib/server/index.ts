// What `arc2face-native/server` exports.
export { type PortraitHandler, portraitHandler } from './handler.ts';
export type { Limits } from './limits.ts';
export type { Painter } from './painter.ts';
export { type PortraitServerOptions, portraitServer } from './plugin.ts';
export { type Problem, type ServerCode, ServerError } from './problem.ts';
