// What `arc2face-native/server` exports.

export { type JobPlace, type OpenedJobs, openJobs } from '../jobs/open.ts';
export { FolderResults, type ResultFile, type ResultStore } from '../jobs/results.ts';
export type { ClientLimits } from './clients/client.ts';
export type { GateLimits } from './gate/limits.ts';
export { type PortraitHandler, portraitHandler } from './handler.ts';
export type { Limits } from './limits.ts';
export type { Painter } from './painter.ts';
export { type PortraitServerOptions, portraitServer } from './plugin.ts';
export { type Problem, type ServerCode, ServerError } from './problem.ts';
export { Reception, type ReceptionOptions } from './reception.ts';
export type { Jobs } from './routes/jobs.ts';
export { explain, work } from './work.ts';
